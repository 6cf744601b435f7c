import { randomBytes } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { OriginLimits } from '#lib/contracts';

import { callApi } from '../support/origin-api.js';
import type { Environment } from '../support/processes.js';
import { RedisServer } from '../support/redis-server.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MB = 1_000_000;

let server: S3Server;
let redis: RedisServer;
let sandbox: Sandbox;
/** Takes orders, and seeds nothing. */
let desk: OriginProcess;
let seeders: OriginProcess[];
let env: Environment;

beforeAll(async () => {
  server = await startS3Server();
  redis = await RedisServer.start({ password: 'open sesame' });
  sandbox = await Sandbox.create();
  env = { ...s3Environment(server, 'limits'), FLEETSEED_REDIS_URL: redis.url };
  desk = await sandbox.origin(undefined, { env, args: ['--roles', 'api,tracker,work'] });
  seeders = [await startSeeder(), await startSeeder()];
  const tree = await sandbox.tree({ 'image.bin': randomBytes(6 * MB) });
  await desk.json('push', tree, '--app', 'web', '--version', '1');
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await redis.stop();
  await server.stop();
});

async function startSeeder(): Promise<OriginProcess> {
  const folder = await sandbox.folder('seeder');
  const token = join(folder, 'admin-token');
  await copyFile(join(desk.data, 'admin-token'), token);
  const args = ['--roles', 'seed', '--admin-token-file', token, '--upload-limit', '50MB/s'];
  return sandbox.origin(folder, { env, args });
}

/** Waits until the seeders hold to so many bytes a second; 0 for no limit. */
async function untilLimit(rate: number, of = seeders): Promise<void> {
  const line = `\nfleetseed_seeder_limit_bytes_per_second{direction="up"} ${rate}\n`;
  for (const each of of) {
    await until(
      `${rate} at ${each.url}`,
      async () => {
        const { body } = await callApi<string>(each, 'GET', '/metrics');
        return body.includes(line);
      },
      60_000,
    );
  }
}

const limit = (rate: string) => desk.json<OriginLimits>('swarm', 'limit', '--up', rate);

it('a limit that is set at one replica is the limit of each, also of one that starts later', async () => {
  await untilLimit(50 * MB);
  expect(await limit('1MB/s')).toEqual({
    upload: MB,
    download: null,
    artifacts: [],
    set: { upload: MB },
    seeders: 2,
  });
  await untilLimit(MB);
  const out = await sandbox.folder('out');
  const pulled = await desk.json<{ seconds: number }>('pull', 'web@1', '--out', out);
  // Two of them send 2 MB in a second, and a little in advance.
  expect(pulled.seconds).toBeGreaterThan(2.5);

  await redis.kill();
  await limit('off');
  await untilLimit(0);
  await redis.start();
  await limit('3MB/s');
  const late = await startSeeder();
  await untilLimit(3 * MB, [...seeders, late]);
  await limit('default');
  await untilLimit(50 * MB, [...seeders, late]);
});
