import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';

import { MemoryPeerStore } from '../memory.peer-store.js';
import { peerOf } from '../peer-store.conformance.fixture.js';
import type { PeerRecord, PeerState } from '../peer-store.js';
import { PageSlab } from './page-slab.js';

const START = 1_000_000;
const HOUR = 3_600_000;
const SWARM = 'ab'.repeat(20);

/** What a store has to agree with: a map and nothing else. */
class Model {
  readonly records = new Map<string, PeerRecord>();

  announce(peer: PeerRecord, stopped: boolean): void {
    if (stopped) this.records.delete(keyOf(peer));
    else this.records.set(keyOf(peer), peer);
  }

  live(now: number): string[] {
    return [...this.records.values()]
      .filter(({ expiresAt }) => expiresAt > now)
      .map((peer) => `${keyOf(peer)} ${peer.state} ${peer.zone}`)
      .toSorted();
  }
}

function keyOf({ host, port, peerId }: PeerRecord): string {
  return port === 0 ? `${host} ${peerId.toString('hex')}` : `${host} ${port}`;
}

const step = fc.record({
  host: fc.nat(40).map((at) => (at % 5 === 0 ? `fd00::${at + 1}` : `10.0.0.${at}`)),
  port: fc.constantFrom(0, 6881, 6882),
  peer: fc.nat(3),
  zone: fc.constantFrom('', 'a', 'b', 'c'),
  state: fc.constantFrom<PeerState>('downloading', 'complete', 'paused'),
  lives: fc.integer({ min: 1, max: 60 }),
  stopped: fc.integer({ min: 0, max: 5 }).map((at) => at === 0),
  passes: fc.nat(3),
});

describe('packed swarms', () => {
  it('are what a map would be, whatever comes, leaves, moves and ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const clock = new VirtualClock(START);
        const store = new MemoryPeerStore({ clock, random: seededRandom(1) });
        const model = new Model();
        for (const { host, port, peer: id, zone, state, lives, stopped, passes } of steps) {
          const expiresAt = clock.now() + 2000 * lives;
          const peer = peerOf(host, { port, peerId: Buffer.alloc(20, id), zone, state, expiresAt });
          await store.announce({ swarm: SWARM, peer, stopped, sample: 0 }, () => undefined);
          model.announce(peer, stopped);
          clock.advance(2000 * passes);
        }
        const live = await store.peers(SWARM, 1000);
        expect(live.map((peer) => `${keyOf(peer)} ${peer.state} ${peer.zone}`).toSorted()).toEqual(
          model.live(clock.now()),
        );
        const counts = await store.counts(SWARM);
        expect(counts.complete + counts.downloading + counts.paused).toBe(live.length);
        expect((await store.stats()).peers).toBe(live.length);
      }),
      { numRuns: 60 },
    );
  });

  it('find each of many thousands in one swarm, and give all memory back', async () => {
    const clock = new VirtualClock(START);
    const store = new MemoryPeerStore({ clock, random: seededRandom(2) });
    const peers = Array.from({ length: 20_000 }, (_, at) =>
      peerOf(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, { expiresAt: START + HOUR }),
    );
    const announce = (peer: PeerRecord, stopped: boolean) =>
      store.announceMany([{ swarm: SWARM, peer, stopped, sample: 0 }]);
    for (const peer of peers) await announce(peer, false);
    for (const peer of peers) await announce(peer, false);
    expect((await store.counts(SWARM)).downloading).toBe(20_000);
    expect(new Set((await store.peers(SWARM, 30_000)).map(({ host }) => host)).size).toBe(20_000);
    for (const peer of peers.slice(0, 19_000)) await announce(peer, true);
    const left = await store.peers(SWARM, 30_000);
    expect(left.map(({ host }) => host).toSorted()).toEqual(
      peers
        .slice(19_000)
        .map(({ host }) => host)
        .toSorted(),
    );
    for (const peer of peers.slice(19_000)) await announce(peer, true);
    expect(await store.stats()).toEqual({ swarms: 0, peers: 0 });
  });

  it('look at a bounded number of records however many end at once', async () => {
    const clock = new VirtualClock(START);
    const store = new MemoryPeerStore({ clock, random: seededRandom(3) });
    for (let at = 0; at < 12_000; at++) {
      const peer = peerOf(`10.0.${at >> 8}.${at & 255}`);
      await store.announceMany([{ swarm: SWARM, peer, stopped: false, sample: 0 }]);
    }
    clock.advance(HOUR);
    let before = (await store.stats()).peers;
    let calls = 0;
    while (before > 0) {
      await store.counts(SWARM);
      const { peers } = store.quick.swarms;
      // No call stalls.
      expect(before - peers).toBeLessThanOrEqual(16);
      before = peers;
      expect(++calls).toBeLessThan(1000);
    }
  });

  it('keep a seed that is handed out all the time from being told of for ever', async () => {
    const clock = new VirtualClock(START);
    const store = new MemoryPeerStore({ clock, random: seededRandom(4) });
    const far = { expiresAt: START + HOUR };
    await store.announceMany([
      { swarm: SWARM, peer: peerOf('10.0.0.1', far), stopped: false, sample: 0 },
    ]);
    const asks = { swarm: SWARM, peer: peerOf('10.0.0.2', far), stopped: false, sample: 10 };
    for (let turn = 0; turn < 300; turn++) {
      await store.announce(asks, (set) => set.chooseAll());
    }
    // Steps of less than a unit are taken as often as is right on average.
    const { picked } = await store.announce(asks, (set) => set.chooseAll());
    expect(picked[0]!.load).toBeGreaterThan(240);
    expect(picked[0]!.load).toBeLessThan(370);
  });
});

describe('PageSlab', () => {
  it('gives pages back before it makes new ones, and empty', () => {
    const slab = new PageSlab();
    const page = slab.take(5, 1);
    slab.chunkOf(page).fill(7, slab.offsetOf(page) + 2, slab.offsetOf(page) + 18);
    slab.give(page);
    expect(slab.take(5, 0)).toBe(page);
    const from = slab.offsetOf(page);
    expect([...slab.chunkOf(page).subarray(from, from + 18)]).toEqual([5, ...Array(17).fill(0)]);
    expect(slab.take(5, 0)).not.toBe(page);
  });
});
