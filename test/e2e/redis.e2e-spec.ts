import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { callApi } from '../support/origin-api.js';
import { runFleetseed } from '../support/processes.js';
import { RawUpload } from '../support/raw-upload.js';
import { RedisServer } from '../support/redis-server.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const SIZE = 3 * 1024 * 1024;
const OUTAGE_MS = 20_000;
/** A job of a process that was killed is another's once its lock has run out. */
const TAKEN_OVER_MS = 60_000;

let sandbox: Sandbox;
let redis: RedisServer;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  redis = await RedisServer.start({ password: 'open sesame' });
});
afterAll(async () => {
  await sandbox.close();
  await redis.stop();
});

/** Uploads everything and hears that it is taken. */
async function completed(origin: OriginProcess, version: string): Promise<RawUpload> {
  const upload = new RawUpload(origin, 'web', version, randomBytes(SIZE));
  await upload.start();
  for (let part = 0; part < upload.partCount; part++) await upload.sendPart(part);
  expect((await upload.complete()).status).toBe(200);
  return upload;
}

async function published(upload: RawUpload): Promise<void> {
  const ask = async () => {
    const { state, error } = await upload.look();
    return state === 'published' || (state === 'failed' && Promise.reject(new Error(error?.code)));
  };
  await until(`${upload.request.version} is published`, ask, TAKEN_OVER_MS);
}

it('goes on without Redis for twenty seconds and loses nothing that it took', async () => {
  const env = { FLEETSEED_REDIS_URL: redis.url };
  const origin = await sandbox.origin(undefined, { env });
  await published(await completed(origin, '1'));
  await redis.kill();
  const meanwhile = await completed(origin, '2');
  await pause(OUTAGE_MS);
  expect((await callApi(origin, 'GET', '/readyz')).status).toBe(200);
  expect((await callApi(origin, 'GET', '/api/v1/apps/web')).status).toBe(200);
  expect((await meanwhile.look()).state).toBe('publishing');
  await redis.start();
  await published(meanwhile);
  await published(await completed(origin, '3'));
  expect(origin.service.child.exitCode).toBeNull();
});

it('publishes after kill -9 what it took before, from Redis or from the depot', async () => {
  const env = { FLEETSEED_REDIS_URL: redis.url };
  let origin = await sandbox.origin(undefined, { env });
  for (const version of ['1', '2']) {
    const upload = await completed(origin, version);
    await origin.service.kill();
    if (version === '2') await redis.empty();
    origin = await sandbox.origin(origin.data, { env });
    upload.origin = origin;
    await published(upload);
    expect(await upload.release()).toMatchObject({ version });
  }
});

it('does not start with a wrong password, and shows neither that nor the right one', async () => {
  const data = sandbox.path('never-made');
  const env = { FLEETSEED_REDIS_URL: redis.urlWith('a-wrong-guess') };
  const outcome = await runFleetseed(['origin', '--data', data, '--listen', '127.0.0.1:0'], {
    env,
  });
  expect(outcome.exit).toBe(2);
  expect(outcome.stderr).toMatch(/CONFIG_INVALID.*FLEETSEED_REDIS_URL.*refuses/);
  expect(outcome.stderr).not.toMatch(/guess|sesame/);
  expect(outcome.stdout).toBe('');
  expect(existsSync(data)).toBe(false);
});
