import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PEER_STORE_CONNECTION } from '#lib/tracker';
import { RedisServer } from '#test/redis-server';

import { describeIdentityClaims } from './identity-claims.conformance.fixture.js';
import { MemoryIdentityClaims } from './memory.identity-claims.js';
import { RedisIdentityClaims } from './redis.identity-claims.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

async function open(now?: () => number, prefix: string = randomUUID()) {
  const redis = new Redis(server.socketPath, { ...PEER_STORE_CONNECTION, lazyConnect: true });
  await redis.connect();
  return new RedisIdentityClaims({ redis, prefix, ...(now ? { now } : {}) });
}

describeIdentityClaims(
  'MemoryIdentityClaims',
  async (clock) => new MemoryIdentityClaims(() => clock.now),
);
describeIdentityClaims('RedisIdentityClaims', (clock) => open(() => clock.now));

describe('RedisIdentityClaims', () => {
  it('are one for all replicas, leave nothing for ever, and fail while Redis is away', async () => {
    const prefix = randomUUID();
    const [one, other] = [await open(undefined, prefix), await open(undefined, prefix)];
    const claim = { target: 't', instance: 'one', replica: 'r', stream: null, alive: ['r'] };
    expect(await one.claim(claim)).toBe(true);
    expect(await other.claim({ ...claim, instance: 'two' })).toBe(false);
    expect(Number(await server.command('PTTL', `${prefix}:t`))).toBeGreaterThan(0);
    await server.kill();
    await expect(one.claim(claim)).rejects.toThrow(/./);
    await server.start();
    one.close();
    other.close();
  });

  it('tell when Redis can be asked again', async () => {
    const claims = await open();
    const claim = { target: 't', instance: 'one', replica: 'r', stream: null, alive: ['r'] };
    const back = Promise.withResolvers<boolean>();
    claims.onBack(() => back.resolve(claims.claim(claim)));
    const forget = claims.onBack(() => back.reject(new Error('was to be forgotten')));
    forget();
    await server.kill();
    await server.start();
    expect(await back.promise).toBe(true);
    claims.close();
  });
});
