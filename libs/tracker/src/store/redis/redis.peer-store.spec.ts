import { randomUUID } from 'node:crypto';

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { VirtualClock, seededRandom, systemClock } from '#lib/runtime';
import { RedisServer } from '#test/redis-server';

import { describePeerStore, peerOf } from '../peer-store.conformance.fixture.js';
import type { PeerRecord, PickPeers } from '../peer-store.js';
import {
  PEER_STORE_CONNECTION,
  RedisPeerStore,
  type RedisPeerStoreOptions,
} from './redis.peer-store.js';

const SWARM = 'ab'.repeat(20);
const OTHER = 'cd'.repeat(20);
const everything: PickPeers = (candidates) => candidates.chooseAll();

let server: RedisServer;
let redis: Redis;
const stores: RedisPeerStore[] = [];
beforeAll(async () => {
  server = await RedisServer.start();
  redis = await connect();
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function connect(): Promise<Redis> {
  const client = new Redis(server.socketPath, { ...PEER_STORE_CONNECTION, lazyConnect: true });
  await client.connect();
  return client;
}

async function open(change: Partial<RedisPeerStoreOptions> = {}): Promise<RedisPeerStore> {
  const store = await RedisPeerStore.open({
    redis,
    prefix: `test:${randomUUID()}`,
    clock: new VirtualClock(1_000_000),
    random: seededRandom(1),
    time: 'clock',
    statsGoodForMs: 0,
    ...change,
  });
  stores.push(store);
  return store;
}

async function put(store: RedisPeerStore, peer: PeerRecord, swarm = SWARM) {
  const announce = { swarm, peer, stopped: false, sample: 10 };
  const { stored, picked } = await store.announce(announce, everything);
  return { stored, peers: picked.length };
}

describePeerStore('RedisPeerStore', open);

describe('RedisPeerStore', () => {
  it('is one store for all who share a Redis, whatever their clocks say', async () => {
    const prefix = randomUUID();
    const hour = 3_600_000;
    const late = new VirtualClock(systemClock.now() - hour);
    const one = await open({ prefix, clock: late, time: 'redis' });
    const other = await open({ prefix, clock: systemClock, time: 'redis' });
    expect(other.epoch).toBe(one.epoch);
    await put(one, peerOf('10.0.0.1', { expiresAt: late.now() + 60_000 }));
    const asked = await other.announce(
      {
        swarm: SWARM,
        peer: peerOf('10.0.0.2', { expiresAt: systemClock.now() + 60_000 }),
        stopped: false,
        sample: 10,
      },
      everything,
    );
    expect(asked.picked.map(({ host }) => host)).toEqual(['10.0.0.1']);
    const left = asked.picked[0]!.expiresAt - systemClock.now();
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  /** Commands of clients from now on, until `stop`. */
  async function watched() {
    const sent: string[] = [];
    const monitor = await redis.monitor();
    monitor.on('monitor', (_time: string, [name]: string[], source: string) => {
      if (source !== 'lua') sent.push(name!);
    });
    return { sent, stop: () => monitor.disconnect() };
  }

  it('announces with one command; hand-outs are told together after a moment, and known here at once', async () => {
    const clock = new VirtualClock(1_000_000);
    const store = await open({ clock });
    await put(store, peerOf('10.0.0.1'));
    await put(store, peerOf('10.0.0.2'));
    await store.stats();
    const { sent, stop } = await watched();
    await put(store, peerOf('10.0.0.2'));
    await put(store, peerOf('10.0.0.2'));
    await redis.ping();
    await expect.poll(() => sent).toEqual(['evalsha', 'evalsha', 'ping']);
    const loads: number[] = [];
    const look: PickPeers = ({ loads: all, length }) => void loads.push(...all.subarray(0, length));
    const asks = { swarm: SWARM, peer: peerOf('10.0.0.2'), stopped: false, sample: 10 };
    await store.announce(asks, look);
    expect(loads).toEqual([3]);
    await redis.ping();
    await expect.poll(() => sent.slice(3)).toEqual(['evalsha', 'ping']);
    sent.length = 3;
    clock.advance(500);
    await redis.ping();
    await expect.poll(() => sent.slice(3)).toEqual(['evalsha', 'ping']);
    clock.advance(1000);
    await redis.ping();
    await expect.poll(() => sent.slice(5)).toEqual(['ping']);
    stop();
    const { picked } = await store.announce(
      { swarm: SWARM, peer: peerOf('10.0.0.2'), stopped: false, sample: 10 },
      everything,
    );
    expect(picked[0]!.load).toBeGreaterThan(2.8);
  });

  it('takes those who come at once together, and tells none of them what it told another', async () => {
    const store = await open();
    for (let at = 0; at < 200; at++) await put(store, peerOf(`10.0.0.${at}`));
    await store.stats();
    const { sent, stop } = await watched();
    const hosts = Array.from({ length: 100 }, (_, at) => `10.1.0.${at}`);
    const told = await Promise.all(
      hosts.map((host) => {
        const announce = { swarm: SWARM, peer: peerOf(host), stopped: false, sample: 20 };
        return store.announce(announce, everything);
      }),
    );
    await redis.ping();
    await expect.poll(() => sent.at(-1)).toBe('ping');
    stop();
    expect(sent.filter((name) => name === 'evalsha').length).toBeLessThan(5);
    const lists = told.map(({ picked }) => picked.map(({ host }) => host).toSorted());
    for (const [at, list] of lists.entries()) {
      expect(new Set(list).size).toBe(20);
      expect(list).not.toContain(hosts[at]);
    }
    expect(new Set(lists.map((list) => list.join())).size).toBe(100);
    expect((await store.counts(SWARM)).downloading).toBe(300);
  });

  it('keeps all keys of a swarm on one node of a cluster', async () => {
    const prefix = randomUUID();
    const clock = new VirtualClock(1_000_000);
    const store = await open({ prefix, clock });
    await put(store, peerOf('10.0.0.1'));
    await put(store, peerOf('10.0.0.2'));
    clock.advance(500);
    const keys = (await redis.keys(`${prefix}:*`)).filter((key) => key.includes(':swarm:'));
    expect(keys.length).toBe(5);
    for (const key of keys) expect(key).toContain(`{${SWARM}}`);
  });

  it('leaves nothing that would stay for ever, and only completions when everybody left', async () => {
    const prefix = randomUUID();
    const store = await open({ prefix });
    await put(store, peerOf('10.0.0.1', { kind: 'stranger' }));
    await put(store, peerOf('10.0.0.1', { kind: 'stranger', state: 'complete' }));
    await put(store, peerOf('10.0.0.2'));
    const ofSwarm = async () => redis.keys(`${prefix}:swarm:*`);
    for (const key of await ofSwarm()) expect(await redis.pttl(key)).toBeGreaterThan(0);
    for (const host of ['10.0.0.1', '10.0.0.2']) {
      const peer = peerOf(host, { kind: host === '10.0.0.1' ? 'stranger' : 'member' });
      await store.announce({ swarm: SWARM, peer, stopped: true, sample: 0 }, everything);
    }
    const [meta, ...others] = await ofSwarm();
    expect(others).toEqual([]);
    expect(await redis.hgetall(meta!)).toEqual({ n: '1' });
    expect(await redis.pttl(meta!)).toBeGreaterThan(0);
  });

  it('answers whom it has no room for', async () => {
    const clock = new VirtualClock(1_000_000);
    const store = await open({ clock, limits: { maxPeers: 3, maxSwarms: 1 } });
    await put(store, peerOf('10.0.0.1'));
    await put(store, peerOf('10.0.0.2'));
    // What is in all swarms together is counted now and then.
    await store.stats();
    expect(await put(store, peerOf('10.0.0.1'), OTHER)).toEqual({ stored: false, peers: 0 });
    expect(await put(store, peerOf('10.0.0.3'))).toEqual({ stored: true, peers: 2 });
    await store.stats();
    expect(await put(store, peerOf('10.0.0.4'))).toEqual({ stored: false, peers: 3 });
    expect(await put(store, peerOf('10.0.0.3'))).toEqual({ stored: true, peers: 2 });
    expect(await store.stats()).toEqual({ swarms: 1, peers: 3 });
  });

  it('lets no stranger fill a swarm from one address', async () => {
    const store = await open({ limits: { maxStrangersPerHost: 2 } });
    const kind = 'stranger';
    const stored: boolean[] = [];
    for (const port of [1, 2, 3]) {
      stored.push((await put(store, peerOf('10.0.0.1', { kind, port }))).stored);
    }
    expect(stored).toEqual([true, true, false]);
    expect((await put(store, peerOf('10.0.0.1', { port: 9 }))).stored).toBe(true);
    expect((await put(store, peerOf('10.0.0.2', { kind }))).stored).toBe(true);
  });

  it('draws all peers of other zones alike, whichever side of the own zone they are on', async () => {
    const store = await open();
    const zones = ['a', 'm', 'z'];
    for (let at = 0; at < 300; at++) {
      const zone = zones[at % 3]!;
      await store.announceMany([
        {
          swarm: SWARM,
          peer: peerOf(`10.0.${at >> 8}.${at & 255}`, { zone }),
          stopped: false,
          sample: 0,
        },
      ]);
    }
    const seen = new Map<string, number>();
    for (let turn = 0; turn < 50; turn++) {
      const { picked } = await store.announce(
        { swarm: SWARM, peer: peerOf('10.9.9.9', { zone: 'm' }), stopped: false, sample: 40 },
        everything,
      );
      for (const { zone, host } of picked) {
        seen.set(zone, (seen.get(zone) ?? 0) + 1);
        seen.set(host, (seen.get(host) ?? 0) + 1);
      }
    }
    expect(seen.get('m')).toBe(50 * 20);
    expect(seen.get('a')! + seen.get('z')!).toBe(50 * 20);
    // 1,000 draws of 200 peers: 5 each, and a half of them from each zone (deviation about 16).
    expect(Math.abs(seen.get('a')! - 500)).toBeLessThan(100);
    for (let at = 0; at < 300; at++) seen.delete(`10.0.${at >> 8}.${at & 255}`);
    expect([...seen.keys()].toSorted()).toEqual(['a', 'm', 'z']);
  });

  it('heals when everything was dropped: scripts, lists and epoch', async () => {
    const store = await open({ clock: systemClock, time: 'redis', watchMs: 20 });
    const first = store.epoch;
    const expiresAt = systemClock.now() + 60_000;
    await put(store, peerOf('10.0.0.1', { expiresAt }));
    const told = new Promise<string>((resolve) => store.onNewEpoch(resolve));
    await server.empty();
    await server.command('SCRIPT', 'FLUSH');
    expect(await told).not.toBe(first);
    expect(store.epoch).toBe(await told);
    expect(await put(store, peerOf('10.0.0.2', { expiresAt }))).toEqual({ stored: true, peers: 0 });
    expect(await put(store, peerOf('10.0.0.1', { expiresAt }))).toEqual({ stored: true, peers: 1 });
    // A count that took long is good for a while.
    await expect.poll(() => store.stats()).toEqual({ swarms: 1, peers: 2 });
  });

  it('rejects soon when nobody answers, and is there again afterwards', async () => {
    const own = await connect();
    const store = await open({ redis: own });
    await put(store, peerOf('10.0.0.1'));
    server.pause();
    await expect(put(store, peerOf('10.0.0.2'))).rejects.toThrow(/timed out/i);
    server.resume();
    await own.ping();
    expect(await put(store, peerOf('10.0.0.3'))).toMatchObject({ stored: true });
    await server.kill();
    await expect(put(store, peerOf('10.0.0.2'))).rejects.toBeInstanceOf(Error);
    await server.start();
    await expect.poll(() => own.status).toBe('ready');
    expect(await put(store, peerOf('10.0.0.2'))).toEqual({ stored: true, peers: 0 });
    own.disconnect();
  });
});
