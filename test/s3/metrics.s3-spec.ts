import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { callApi } from '../support/origin-api.js';
import { RedisServer } from '../support/redis-server.js';
import { FaultProxy } from '../support/s3/fault-proxy.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

let server: S3Server;
let proxy: FaultProxy;
let redis: RedisServer;
let sandbox: Sandbox;
let one: OriginProcess;
let other: OriginProcess;

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
  redis = await RedisServer.start({ password: 'open sesame' });
  sandbox = await Sandbox.create();
  const env = {
    ...s3Environment({ ...server, endpoint: proxy.endpoint }, 'metrics'),
    FLEETSEED_REDIS_URL: redis.url,
  };
  one = await sandbox.origin(undefined, { env });
  const folder = await sandbox.folder('other');
  const token = join(folder, 'admin-token');
  await copyFile(join(one.data, 'admin-token'), token);
  const args = ['--roles', 'seed,work', '--admin-token-file', token];
  other = await sandbox.origin(folder, { env, args });
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await redis.stop();
  await proxy.stop();
  await server.stop();
});

/** What a replica shows, by the name with its labels. */
async function metricsOf(origin: OriginProcess): Promise<ReadonlyMap<string, number>> {
  const { status, body } = await callApi<string>(origin, 'GET', '/metrics');
  expect(status).toBe(200);
  const lines = body.split('\n').filter((line) => line.startsWith('fleetseed_'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
}

/** Waits until all these numbers are shown. */
async function shown(origin: OriginProcess, numbers: Readonly<Record<string, number>>) {
  return until(JSON.stringify(numbers), async () => {
    const metrics = await metricsOf(origin);
    const wrong = Object.entries(numbers).filter(([name, value]) => metrics.get(name) !== value);
    if (wrong.length > 0) throw new Error(wrong.map(([name]) => name + metrics.get(name)).join());
    return metrics;
  });
}

it('replicas show each other, the bus, Redis, and what they ask of the bucket', async () => {
  const tree = await sandbox.tree({ file: 'some content' });
  await one.json('push', tree, '--app', 'web', '--version', '1');
  const seen = {
    fleetseed_replicas: 2,
    'fleetseed_replicas_with_role{role="api"}': 1,
    'fleetseed_replicas_with_role{role="work"}': 2,
    fleetseed_replica_bus_up: 1,
    'fleetseed_replica_messages_total{result="refused"}': 0,
    'fleetseed_redis_up{use="bus"}': 1,
    'fleetseed_redis_up{use="jobs"}': 1,
    'fleetseed_redis_up{use="tracker"}': 1,
    'fleetseed_jobs{name="publish",state="active"}': 0,
  };
  const both = await Promise.all([shown(one, seen), shown(other, seen)]);
  const published = 'fleetseed_job_runs_total{name="publish",outcome="done"}';
  expect(both.reduce((sum, each) => sum + each.get(published)!, 0)).toBe(1);
  const [metrics] = both;
  for (const name of ['messages_total{result="sent"}', 'messages_total{result="received"}']) {
    expect(metrics.get(`fleetseed_replica_${name}`)).toBeGreaterThan(0);
  }
  expect(metrics.get('fleetseed_replica_silence_seconds')).toBeLessThan(60);
  const put = 'operation="PutObject"';
  const answered = metrics.get(`fleetseed_s3_requests_total{${put},outcome="ok"}`);
  expect(answered).toBeGreaterThan(0);
  expect(metrics.get(`fleetseed_s3_request_seconds_count{${put}}`)).toBeGreaterThanOrEqual(
    answered!,
  );
});

it('a replica shows its numbers while neither Redis nor the bucket answers', async () => {
  await redis.kill();
  proxy.plan('silent', () => true, 1_000_000);
  const metrics = await shown(other, {
    fleetseed_replicas: 2,
    fleetseed_replica_bus_up: 0,
    'fleetseed_redis_up{use="bus"}': 0,
    'fleetseed_redis_up{use="jobs"}': 0,
    'fleetseed_redis_up{use="tracker"}': 0,
  });
  expect([...metrics.keys()].filter((name) => name.startsWith('fleetseed_jobs'))).toEqual([]);
  expect(metrics.get('fleetseed_artifacts')).toBe(1);
  proxy.reset();
  await redis.start();
  await shown(other, { fleetseed_replica_bus_up: 1, 'fleetseed_redis_up{use="jobs"}': 1 });
});
