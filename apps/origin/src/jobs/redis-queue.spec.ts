import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Job, Page, Upload } from '#lib/contracts';

import { RedisServer } from '../../../../test/support/redis-server.js';
import { checkConfig } from '../config/config-parser.js';
import { noise, TestOrigin, TestTree } from '../origin.fixture.js';
import { startOrigin } from '../origin.js';

let redis: RedisServer;
let origin: TestOrigin | undefined;

beforeEach(async () => {
  redis = await RedisServer.start({ password: 'open sesame' });
  origin = undefined;
});
afterEach(async () => {
  await origin?.stop();
  await redis.stop();
});

function treeOf(version: string): TestTree {
  return new TestTree({ build: noise(30_000, version) }, { version });
}

/** Sends everything and says that it is complete; does not wait for the release. */
async function complete(at: TestOrigin, tree: TestTree): Promise<Upload> {
  const { body } = await at.call<Upload>('POST', '/apps/web/uploads', { json: tree.request });
  for (const object of body.objects) await at.sendObject(body, object, tree);
  return (await at.call<Upload>('POST', `/uploads/${body.upload}/complete`)).body;
}

describe('an origin whose jobs are in Redis', () => {
  it('publishes, shows the job, and goes on after a restart', async () => {
    origin = await TestOrigin.start({ redisUrl: redis.url });
    expect(await origin.push('web', treeOf('1'))).toMatchObject({ state: 'published' });
    const jobs = await origin.call<Page<Job>>('GET', '/jobs');
    expect(jobs.body.items).toMatchObject([{ name: 'publish', state: 'done', progress: 1 }]);
    await origin.restart();
    expect(await origin.push('web', treeOf('2'))).toMatchObject({ state: 'published' });
    expect((await origin.call<Page<Job>>('GET', '/jobs')).body.items).toHaveLength(2);
  });

  it('publishes everything that it took, once, while Redis is emptied again and again', async () => {
    origin = await TestOrigin.start({ redisUrl: redis.url });
    const at = origin;
    let pushing = true;
    const emptying = (async () => {
      while (pushing) await redis.empty();
    })();
    const versions = Array.from({ length: 12 }, (_, index) => `1.${index}`);
    const taken = await Promise.all(versions.map((version) => complete(at, treeOf(version))));
    pushing = false;
    await emptying;
    for (const { upload } of taken) {
      expect(await at.ended(upload)).toMatchObject({ state: 'published', error: null });
    }
    const releases = await at.call<Page<{ version: string }>>('GET', '/apps/web/releases');
    expect(releases.body.items.map(({ version }) => version).toSorted()).toEqual(
      versions.toSorted(),
    );
  });

  it('takes uploads while Redis is away, and publishes them when it is back', async () => {
    origin = await TestOrigin.start({ redisUrl: redis.url });
    await redis.kill();
    const taken = await complete(origin, treeOf('1'));
    expect(taken).toMatchObject({ state: 'publishing' });
    const jobs = await origin.call<{ code: string }>('GET', '/jobs');
    expect(jobs).toMatchObject({ status: 503, body: { code: 'QUEUE_UNREACHABLE' } });
    expect((await origin.call('GET', '/apps')).status).toBe(200);
    await redis.start();
    expect(await origin.ended(taken.upload)).toMatchObject({ state: 'published' });
  });

  it('answers a whole file in one request once it is published, though Redis is emptied', async () => {
    origin = await TestOrigin.start({ redisUrl: redis.url });
    const put = origin.call('PUT', '/apps/web/releases/1/content?name=build', {
      body: Uint8Array.from(noise(50_000, 'one')),
    });
    const emptying = (async () => {
      for (let round = 0; round < 10; round++) await redis.empty();
    })();
    // 200 where the job that made it was lost and its next run found the release there.
    expect([200, 201]).toContain((await put).status);
    await emptying;
  });
});

describe('what an operator has asked for', () => {
  it('is done though Redis is emptied', async () => {
    origin = await TestOrigin.start({ redisUrl: redis.url });
    const at = origin;
    for (const path of ['collection', 'verification']) {
      await at.call('POST', `/${path}`, { json: {} });
      await redis.empty();
    }
    await vi.waitFor(
      async () => {
        for (const path of ['/collection', '/verification']) {
          const { body } = await at.call<{ report: object | null }>('GET', path);
          expect(body.report).toMatchObject({ finishedAt: expect.any(Number) });
        }
      },
      { timeout: 25_000, interval: 100 },
    );
  });
});

describe('a start with a Redis that cannot be used', () => {
  const folder = join(import.meta.dirname, 'never-made');
  const start = (redisUrl: string) =>
    startOrigin(checkConfig({ data: folder, listen: '127.0.0.1:0', redisUrl }));

  it.each([
    ['a wrong password', () => redis.urlWith('guess'), 'refuses the user or password'],
    ['nobody there', () => 'redis://127.0.0.1:1', 'ECONNREFUSED'],
  ])('names the setting and leaves nothing behind: %s', async (_, url, reason) => {
    const refused = start(url());
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      facts: { key: 'redisUrl' },
      message: expect.stringContaining(reason),
    });
    await expect(refused).rejects.toThrow(/FLEETSEED_REDIS_URL/);
    expect(existsSync(folder)).toBe(false);
  });

  it('names the setting when Redis would drop jobs', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl');
    await expect(start(redis.url)).rejects.toThrow(/FLEETSEED_REDIS_URL.*volatile-ttl/);
    expect(existsSync(folder)).toBe(false);
  });

  it('names the setting when it is no URL of a Redis', () => {
    expect(() => checkConfig({ redisUrl: 'http://cache' })).toThrow(/FLEETSEED_REDIS_URL/);
    expect(() => checkConfig({ redisPrefix: 'a b' })).toThrow(/FLEETSEED_REDIS_PREFIX/);
  });
});
