import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { systemClock, systemRandom } from '#lib/runtime';
import { RedisServer } from '#test/redis-server';

import { MemoryPeerStore } from './store/memory.peer-store.js';
import { PEER_STORE_CONNECTION, RedisPeerStore } from './store/redis/redis.peer-store.js';
import { SurvivingPeerStore } from './store/surviving.peer-store.js';
import { memberOf, OTHER, requestFrom, trackerOf, V2 } from './tracker.fixture.js';
import type { Tracker } from './tracker.js';

let server: RedisServer;
let prefix: string;
const closers: (() => void)[] = [];
beforeEach(async () => {
  server = await RedisServer.start();
  prefix = randomUUID();
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await server.stop();
});

/** One of several trackers of one service, as different processes have them. */
async function replica(): Promise<Tracker> {
  const redis = new Redis(server.socketPath, { ...PEER_STORE_CONNECTION, lazyConnect: true });
  redis.on('error', () => undefined);
  await redis.connect();
  const [clock, random] = [systemClock, systemRandom];
  const shared = await RedisPeerStore.open({ redis, prefix, clock, random, watchMs: 20 });
  const own = new MemoryPeerStore({ clock, random });
  const store = new SurvivingPeerStore({ shared, own, clock });
  closers.push(() => {
    store.close();
    shared.close();
    redis.disconnect();
  });
  return trackerOf('open', { store, clock, random }).tracker;
}

async function told(tracker: Tracker, host: string, left = 100): Promise<string[]> {
  const { peers } = await tracker.announce(requestFrom(host, { left }), memberOf(host));
  return peers.map((peer) => peer.host).toSorted();
}

const batchOf = (host: string) => [
  requestFrom(host, { left: 0, infoHash: V2 }),
  requestFrom(host, { left: 0, infoHash: OTHER }),
];

describe('trackers that share a Redis', () => {
  it('hand out who announced at another', async () => {
    const [one, other] = [await replica(), await replica()];
    await told(one, '10.0.0.1', 0);
    expect(await told(other, '10.0.0.2')).toEqual(['10.0.0.1']);
    expect(await told(one, '10.0.0.3')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(other.bootEpoch).toBe(one.bootEpoch);
    expect(await other.seedsOf(V2.toString('hex'))).toBe(1);
  });

  it('forget nobody when one of them starts again', async () => {
    const one = await replica();
    await told(one, '10.0.0.1', 0);
    for (const close of closers.splice(0)) close();
    const next = await replica();
    expect(next.bootEpoch).toBe(one.bootEpoch);
    expect(await told(next, '10.0.0.2')).toEqual(['10.0.0.1']);
  });

  it('all tell of a new epoch when Redis was emptied, and are whole again by batches', async () => {
    const [one, other] = [await replica(), await replica()];
    await told(one, '10.0.0.1', 0);
    const before = one.bootEpoch;
    const heard = Promise.all(
      [one, other].map((each) => new Promise<string>((resolve) => each.onNewEpoch(resolve))),
    );
    await server.empty();
    const [first, second] = await heard;
    expect(first).not.toBe(before);
    expect([second, one.bootEpoch, other.bootEpoch]).toEqual([first, first, first]);
    expect(await told(other, '10.0.0.2')).toEqual([]);
    const { accepted } = await one.announceMany(batchOf('10.0.0.1'), memberOf('10.0.0.1'));
    expect(accepted).toBe(2);
    expect(await told(other, '10.0.0.2')).toEqual(['10.0.0.1']);
  });

  it('answer while Redis is away, and share again when it is back and empty', async () => {
    const [one, other] = [await replica(), await replica()];
    await told(one, '10.0.0.1');
    await server.kill();
    expect(await told(one, '10.0.0.2')).toEqual(['10.0.0.1']);
    expect(await told(other, '10.0.0.3')).toEqual([]);
    await one.announceMany(batchOf('10.0.0.4'), memberOf('10.0.0.4'));
    await server.start();
    // What was announced in the outage is told to Redis without anybody's doing.
    await expect
      .poll(() => told(other, '10.0.0.3'), { timeout: 20_000 })
      .toEqual(['10.0.0.2', '10.0.0.4']);
  });
});
