import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SwarmTicket } from '#lib/contracts';

import type { Pushed } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import type { Environment } from '../support/processes.js';
import { FaultProxy } from '../support/s3/fault-proxy.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { treePicture } from '../support/tree-picture.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const CACHE_BYTES = 13 * MIB;
/** A file that no cache of these tests can hold, and a thousand that share objects. */
const FILES: Record<string, Buffer> = { 'lib/large.bin': randomBytes(33 * MIB + 77) };
for (let index = 0; index < 1000; index++) {
  FILES[`src/${index % 40}/${index}.ts`] = randomBytes(1 + ((index * 7919) % 20_000));
}

let server: S3Server;
let sandbox: Sandbox;
let tree: string;
let published: Pushed;
let admin: Buffer;
let env: Environment;

beforeAll(async () => {
  server = await startS3Server();
  sandbox = await Sandbox.create();
  env = { ...s3Environment(server, 'cache'), FLEETSEED_CACHE_BYTES: String(CACHE_BYTES) };
  tree = await sandbox.tree(FILES);
  const origin = await sandbox.origin(undefined, { env });
  const push = ['push', tree, '--app', 'web', '--version', '1'];
  published = await origin.json<Pushed>(...push);
  admin = await readFile(join(origin.data, 'admin-token'));
  await origin.service.stop();
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await server.stop();
});

/** A replica of the origin that published, on a disk where nothing is. */
async function replica(data?: string, more: Environment = {}): Promise<OriginProcess> {
  const folder = data ?? (await sandbox.folder('replica'));
  writeFileSync(join(folder, 'admin-token'), admin, { mode: 0o600 });
  const args = ['--admin-token-file', join(folder, 'admin-token')];
  return sandbox.origin(folder, { env: { ...env, ...more }, args });
}

async function expectPulled(origin: OriginProcess): Promise<void> {
  const out = await sandbox.folder('out');
  await origin.json('pull', 'web@1', '--out', out);
  expect(treePicture(`${out}/web`)).toEqual(treePicture(tree));
}

/** What lies in the cache of a replica, whether its process lives or not. */
function spanFiles(data: string): string[] {
  const folder = join(data, 'cache');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Those that were written whole. */
function keptSpans(data: string): string[] {
  return spanFiles(data).filter((path) => !path.endsWith('.partial'));
}

function cacheBytes(data: string): number {
  const sizes = spanFiles(data).map((path) => (existsSync(path) ? statSync(path).size : 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function metric(origin: OriginProcess, name: string): Promise<number> {
  const { body } = await callApi<string>(origin, 'GET', '/metrics');
  const line = body.split('\n').find((each) => each.startsWith(`fleetseed_${name} `));
  return Number(line?.split(' ')[1]);
}

async function webSeeded(origin: OriginProcess, file: string): Promise<Buffer> {
  const path = `/api/v1/artifacts/${published.artifact}/ticket`;
  const { body: ticket } = await callApi<SwarmTicket>(origin, 'GET', path);
  const answer = await fetch(`${ticket.webSeed}web/${file}`);
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

describe('a replica whose cache is smaller than the artifact', () => {
  it('seeds all of it, to peers and over HTTP, within the bound of its disk', async () => {
    const origin = await replica();
    await expectPulled(origin);
    expect(cacheBytes(origin.data)).toBeLessThanOrEqual(CACHE_BYTES);
    expect(await metric(origin, 'content_cache_evictions_total')).toBeGreaterThan(3);
    // What is offered together lies together: a span is not fetched once for each of its runs.
    const fetched = await metric(origin, 'content_cache_fetched_bytes_total');
    expect(fetched).toBeLessThan(1.5 * published.bytes);
    const large = FILES['lib/large.bin']!;
    expect((await webSeeded(origin, 'lib/large.bin')).equals(large)).toBe(true);
    expect(cacheBytes(origin.data)).toBeLessThanOrEqual(CACHE_BYTES);
    await origin.service.stop();
  });

  it('goes on after it was killed, and never gives what the disk has changed', async () => {
    const data = await sandbox.folder('replica');
    const roomy = { FLEETSEED_CACHE_BYTES: String(64 * MIB) };
    for (const spans of [1, 2, 3]) {
      const origin = await replica(data, roomy);
      const out = await sandbox.folder('out');
      const pull = sandbox.start(['pull', 'web@1', '--out', out], origin.env);
      await until('content in the cache', () => keptSpans(data).length >= spans);
      await origin.service.kill();
      await pull.kill();
    }
    for (const path of keptSpans(data)) {
      const bytes = readFileSync(path);
      // Behind the head, which knows no more than where the bytes come from.
      for (let at = 4096; at < bytes.length; at += 16_384) bytes[at]! ^= 1;
      writeFileSync(path, bytes);
    }
    const origin = await replica(data, roomy);
    expect(spanFiles(origin.data).filter((path) => path.endsWith('.partial'))).toEqual([]);
    await expectPulled(origin);
    expect(await metric(origin, 'content_cache_damaged_total{source="disk"}')).toBeGreaterThan(0);
    await origin.service.stop();
  });
});

describe('a replica without room, or without its store', () => {
  it('seeds through its memory when the disk is full, and says so', async () => {
    const disk = await sandbox.smallDisk(9 * MIB);
    const origin = await replica(disk);
    await expectPulled(origin);
    expect(await metric(origin, 'content_cache_unkept_total')).toBeGreaterThan(0);
    expect(origin.service.stderr).toMatch(/content cache writes nothing/);
    await origin.service.stop();
  });

  it('goes on when the store is back', async () => {
    const proxy = await FaultProxy.start(server.endpoint);
    const origin = await replica(undefined, {
      FLEETSEED_S3_ENDPOINT: proxy.endpoint,
      FLEETSEED_S3_TIMEOUT_SECONDS: '1',
    });
    const isContent = ({ url }: { readonly url: string }) =>
      /\/(?:blobs|packs)\/[^.?]*(?:\?|$)/.test(url);
    proxy.plan('slow-down', isContent, 1e9);
    const out = await sandbox.folder('out');
    const pull = sandbox.start(['pull', 'web@1', '--out', out, '--json'], origin.env);
    await until('requests that fail', () => proxy.faults.length > 20);
    expect((await fetch(`${origin.url}/healthz`)).status).toBe(200);
    proxy.reset();
    await pull.event('done');
    expect(treePicture(`${out}/web`)).toEqual(treePicture(tree));
    await origin.service.stop();
    await proxy.stop();
  });
});
