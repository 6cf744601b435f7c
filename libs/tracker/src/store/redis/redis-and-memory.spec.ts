import { randomUUID } from 'node:crypto';

import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { VirtualClock, seededRandom } from '#lib/runtime';
import { RedisServer } from '#test/redis-server';

import { MemoryPeerStore } from '../memory.peer-store.js';
import { peerOf } from '../peer-store.conformance.fixture.js';
import type { PeerAnnounce, PeerRecord, PeerStore } from '../peer-store.js';
import { PEER_STORE_CONNECTION, RedisPeerStore } from './redis.peer-store.js';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.socketPath, { ...PEER_STORE_CONNECTION, lazyConnect: true });
  await redis.connect();
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const SWARM = 'ab'.repeat(20);
/** Times are kept to two seconds. */
const TICK = 2000;

const step = fc.record({
  waits: fc.integer({ min: 0, max: 20 }),
  host: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1'),
  port: fc.constantFrom(0, 1, 2),
  client: fc.constantFrom(1, 2),
  kind: fc.constantFrom('member' as const, 'stranger' as const, 'origin' as const),
  caller: fc.constantFrom('', 'somebody'),
  state: fc.constantFrom('downloading' as const, 'complete' as const, 'paused' as const),
  zone: fc.constantFrom('', 'a', 'ab', 'é'),
  rack: fc.constantFrom('', 'r'),
  marks: fc.integer({ min: 0, max: 3 }),
  lives: fc.integer({ min: 1, max: 30 }),
  stopped: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function announceOf(made: Step, now: number): PeerAnnounce {
  const { host, port, client, kind, caller, state, zone, rack, marks, lives, stopped } = made;
  const peer = peerOf(host, {
    port,
    peerId: Buffer.alloc(20, client),
    kind,
    caller,
    state,
    zone,
    rack,
    v1: (marks & 1) !== 0,
    v2: (marks & 2) !== 0,
    expiresAt: now + lives * TICK,
  });
  return { swarm: SWARM, peer, stopped, sample: 100 };
}

/** What one store says of an announce and of the swarm after it, in no order. */
async function saidBy(store: PeerStore, announce: PeerAnnounce): Promise<unknown> {
  const told = await store.announce(announce, (candidates) => candidates.chooseAll());
  const text = (peers: readonly PeerRecord[]) =>
    peers
      .map((peer) => JSON.stringify({ ...peer, peerId: peer.peerId.toString('hex') }))
      .toSorted();
  // Loads are kept more exactly in Redis.
  const picked = told.picked.map((peer) => ({ ...peer, load: undefined }));
  return {
    counts: told.counts,
    stored: told.stored,
    picked: text(picked),
    now: await store.counts(SWARM),
    all: text(await store.peers(SWARM, 100)),
    stats: await store.stats(),
  };
}

it('RedisPeerStore says what MemoryPeerStore says, whatever happens in a small swarm', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new VirtualClock(1_000_000);
      const doors = { clock, random: seededRandom(1) };
      const memory = new MemoryPeerStore(doors);
      const shared = await RedisPeerStore.open({
        ...doors,
        redis,
        prefix: randomUUID(),
        time: 'clock',
        statsGoodForMs: 0,
      });
      try {
        for (const made of steps) {
          clock.advance(made.waits * TICK);
          const announce = announceOf(made, clock.now());
          expect(await saidBy(shared, announce)).toEqual(await saidBy(memory, announce));
        }
      } finally {
        shared.close();
      }
    }),
  );
});
