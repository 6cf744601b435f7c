import { describe, expect, it } from 'vitest';

import { VirtualClock, seededRandom } from '#lib/runtime';

import { MemoryPeerStore, type PeerStoreLimits } from './memory.peer-store.js';
import { describePeerStore, peerOf } from './peer-store.conformance.fixture.js';
import type { PeerRecord } from './peer-store.js';

describePeerStore('MemoryPeerStore', (doors) => Promise.resolve(new MemoryPeerStore(doors)));

describe('MemoryPeerStore limits', () => {
  const storeWith = (limits: Partial<PeerStoreLimits>) =>
    new MemoryPeerStore({ clock: new VirtualClock(1_000_000), random: seededRandom(1), limits });
  const put = async (store: MemoryPeerStore, swarm: string, peer: PeerRecord) => {
    const { stored, picked } = await store.announce(
      { swarm: swarm.repeat(40), peer, stopped: false, sample: 10 },
      (candidates) => candidates.chooseAll(),
    );
    return { stored, peers: picked.length };
  };

  it('answers whom it has no room for', async () => {
    const store = storeWith({ maxPeers: 2 });
    await put(store, 'a', peerOf('10.0.0.1'));
    await put(store, 'a', peerOf('10.0.0.2'));
    expect(await put(store, 'a', peerOf('10.0.0.3'))).toEqual({ stored: false, peers: 2 });
    expect(await put(store, 'a', peerOf('10.0.0.1'))).toEqual({ stored: true, peers: 1 });
    expect(await put(store, 'b', peerOf('10.0.0.3'))).toEqual({ stored: false, peers: 0 });
    expect(await store.stats()).toEqual({ swarms: 1, peers: 2 });
  });

  it('bounds the number of swarms, and makes room when one ends', async () => {
    const store = storeWith({ maxSwarms: 1 });
    await put(store, 'a', peerOf('10.0.0.1'));
    expect((await put(store, 'b', peerOf('10.0.0.1'))).stored).toBe(false);
    const peer = peerOf('10.0.0.1');
    await store.announce({ swarm: 'a'.repeat(40), peer, stopped: true, sample: 0 }, () => {});
    expect((await put(store, 'b', peerOf('10.0.0.1'))).stored).toBe(true);
  });

  it('lets no stranger fill a swarm from one address', async () => {
    const store = storeWith({ maxStrangersPerHost: 3 });
    const kind = 'stranger';
    const stored: boolean[] = [];
    for (let port = 1; port <= 5; port++) {
      stored.push((await put(store, 'a', peerOf('10.0.0.1', { kind, port }))).stored);
    }
    expect(stored).toEqual([true, true, true, false, false]);
    expect((await put(store, 'a', peerOf('10.0.0.1', { port: 9 }))).stored).toBe(true);
    expect((await put(store, 'a', peerOf('10.0.0.2', { kind }))).stored).toBe(true);
  });
});
