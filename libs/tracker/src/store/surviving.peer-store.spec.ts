import { describe, expect, it } from 'vitest';

import { VirtualClock, seededRandom } from '#lib/runtime';

import { MemoryPeerStore } from './memory.peer-store.js';
import { describePeerStore, peerOf } from './peer-store.conformance.fixture.js';
import type { PeerAnnounce, PeerRecord, PickPeers } from './peer-store.js';
import { SurvivingPeerStore } from './surviving.peer-store.js';

const SWARM = 'ab'.repeat(20);
const everything: PickPeers = (candidates) => candidates.chooseAll();

/** A store at the other end of a line that can be cut. */
class DistantStore extends MemoryPeerStore {
  isThere = true;
  asked = 0;

  override announce(announce: PeerAnnounce, pick: PickPeers) {
    return this.#line(() => super.announce(announce, pick));
  }

  override announceMany(announces: readonly PeerAnnounce[]) {
    return this.#line(() => super.announceMany(announces));
  }

  override counts(swarm: string) {
    return this.#line(() => super.counts(swarm));
  }

  #line<T>(call: () => Promise<T>): Promise<T> {
    this.asked++;
    return this.isThere ? call() : Promise.reject(new Error('nobody there'));
  }
}

function replicas() {
  const clock = new VirtualClock(1_000_000);
  const doors = { clock, random: seededRandom(1) };
  const shared = new DistantStore(doors);
  const replica = () => new SurvivingPeerStore({ shared, own: new MemoryPeerStore(doors), clock });
  /** Lets an attempt to come back run to its end. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { shared, one: replica(), other: replica(), pass };
}

async function put(store: SurvivingPeerStore, peer: PeerRecord, stopped = false) {
  const announce = { swarm: SWARM, peer, stopped, sample: stopped ? 0 : 10 };
  const { picked } = await store.announce(announce, everything);
  return picked.map(({ host }) => host).toSorted();
}

describePeerStore('SurvivingPeerStore', ({ clock, random }) => {
  const stores = [1, 2].map(() => new MemoryPeerStore({ clock, random }));
  return Promise.resolve(new SurvivingPeerStore({ shared: stores[0]!, own: stores[1]!, clock }));
});

describe('SurvivingPeerStore', () => {
  it('answers from what was announced here while the shared store is away', async () => {
    const { shared, one, other } = replicas();
    await put(one, peerOf('10.0.0.1'));
    await put(other, peerOf('10.0.0.2'));
    shared.isThere = false;
    expect(await put(one, peerOf('10.0.0.3'))).toEqual(['10.0.0.1']);
    expect(await put(other, peerOf('10.0.0.4'))).toEqual(['10.0.0.2']);
    expect((await one.counts(SWARM)).downloading).toBe(2);
    expect(one.epoch).toBe(shared.epoch);
  });

  it('asks no more at each announce while it is away, and comes back by itself', async () => {
    const { shared, one, pass } = replicas();
    shared.isThere = false;
    await put(one, peerOf('10.0.0.1'));
    const { asked } = shared;
    for (let turn = 0; turn < 10; turn++) await put(one, peerOf('10.0.0.2'));
    expect(shared.asked).toBe(asked);
    await pass(1000);
    expect(shared.asked).toBe(asked + 1);
    shared.isThere = true;
    await pass(1000);
    await put(one, peerOf('10.0.0.3'));
    expect((await shared.counts(SWARM)).downloading).toBe(3);
  });

  it('tells the shared store what it has missed, the latest of each peer', async () => {
    const { shared, one, other, pass } = replicas();
    await put(one, peerOf('10.0.0.1'));
    shared.isThere = false;
    await put(one, peerOf('10.0.0.2'));
    await put(one, peerOf('10.0.0.2', { state: 'complete' }));
    await put(one, peerOf('10.0.0.1'), true);
    await one.announceMany([{ swarm: SWARM, peer: peerOf('10.0.0.3'), stopped: false, sample: 0 }]);
    shared.isThere = true;
    await pass(1000);
    expect(await put(other, peerOf('10.0.0.9'))).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(await shared.counts(SWARM)).toMatchObject({ complete: 1, downloading: 2 });
  });

  it('does not tell what is over by then', async () => {
    const { shared, one, pass } = replicas();
    shared.isThere = false;
    await put(one, peerOf('10.0.0.1'));
    await pass(60_000);
    shared.isThere = true;
    await pass(1000);
    expect(await shared.stats()).toEqual({ swarms: 0, peers: 0 });
  });

  it('ends its attempts when it is closed', async () => {
    const { shared, one, pass } = replicas();
    shared.isThere = false;
    await put(one, peerOf('10.0.0.1'));
    one.close();
    const { asked } = shared;
    await pass(10_000);
    expect(shared.asked).toBe(asked);
  });
});
