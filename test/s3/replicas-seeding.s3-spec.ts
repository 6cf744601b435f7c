import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Pushed } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import { RedisServer } from '../support/redis-server.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const REPLICAS = 3;
const MACHINES = 6;

let server: S3Server;
let redis: RedisServer;
let sandbox: Sandbox;
let tree: string;
let published: Pushed;
const origins: OriginProcess[] = [];

beforeAll(async () => {
  server = await startS3Server();
  redis = await RedisServer.start({ password: 'open sesame' });
  sandbox = await Sandbox.create();
  const env = { ...s3Environment(server, 'replicas'), FLEETSEED_REDIS_URL: redis.url };
  // Slow enough for all machines to be there before the first has everything.
  const args = ['--upload-limit', '6MB/s'];
  const first = await sandbox.origin(undefined, { env, args });
  origins.push(first);
  const admin = await readFile(join(first.data, 'admin-token'));
  while (origins.length < REPLICAS) {
    const folder = await sandbox.folder('replica');
    await writeFile(join(folder, 'admin-token'), admin, { mode: 0o600 });
    const token = ['--admin-token-file', join(folder, 'admin-token')];
    origins.push(await sandbox.origin(folder, { env, args: [...args, ...token] }));
  }
  tree = await sandbox.tree({ 'image.bin': randomBytes(64 * MIB + 11) });
  published = await first.json<Pushed>('push', tree, '--app', 'web', '--version', '1');
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await redis.stop();
  await server.stop();
});

/** Content that an origin sent to peers by itself, by its own account. */
async function fetchedBy(origin: OriginProcess): Promise<number> {
  const { body } = await callApi<string>(origin, 'GET', '/metrics');
  const line = body
    .split('\n')
    .find((each) => each.startsWith('fleetseed_content_cache_fetched_bytes_total '));
  return Number(line?.split(' ')[1]);
}

async function sentInAll(): Promise<number> {
  const { body } = await callApi<{ origin: number }>(origins[0]!, 'GET', '/api/v1/savings');
  return body.origin;
}

it('three replicas together send about one copy, and read about one from the bucket', async () => {
  const before = await sentInAll();
  const pulls = await Promise.all(
    Array.from({ length: MACHINES }, async (_, number) => {
      const out = await sandbox.folder('out');
      const { env } = origins[number % REPLICAS]!;
      return {
        out,
        service: sandbox.start(['pull', 'web@1', '--out', out, '--seed', '--json'], env),
      };
    }),
  );
  for (const { service } of pulls) await service.event('done', 100_000);
  for (const { out } of pulls) expect(treePicture(`${out}/web`)).toEqual(treePicture(tree));
  const sent = await until('the account of all replicas', async () => {
    const bytes = (await sentInAll()) - before;
    return bytes >= published.bytes && bytes;
  });
  expect(sent).toBeLessThanOrEqual(1.2 * published.bytes);
  const fetched = await Promise.all(origins.map(fetchedBy));
  // Stretches of 4 MiB fall to one of the three by chance.
  expect(Math.max(...fetched)).toBeLessThan(0.9 * published.bytes);
  expect(fetched.reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(1.4 * published.bytes);
  for (const { service } of pulls) await service.kill();
});
