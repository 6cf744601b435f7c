import { randomSecret, type Clock, type Random } from '#lib/runtime';

import { PackedSwarms, type PeerStoreLimits } from './packed/packed-swarms.js';
import { ReusedAnnounce, type SwarmKey } from './packed/reused-announce.js';
import {
  NO_PEERS,
  type PeerAnnounce,
  type PeerAnnounced,
  type PeerRecord,
  type PeerStore,
  type PeerStoreStats,
  type QuickStore,
  type PickPeers,
  type SwarmCounts,
  type SwarmId,
} from './peer-store.js';

export { DEFAULT_PEER_STORE_LIMITS, type PeerStoreLimits } from './packed/packed-swarms.js';

export interface MemoryPeerStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<PeerStoreLimits>;
}

/**
 * The store of a single replica: about 12 bytes for a peer in a swarm, and 60 for a host, in however many
 * swarms it is. No operation takes longer the more peers there are.
 */
export class MemoryPeerStore implements PeerStore {
  readonly epoch = randomSecret(9);
  /** For front ends that speak bytes: see {@link PackedSwarms}. */
  readonly quick: QuickStore;
  readonly #swarms: PackedSwarms;
  readonly #announce: ReusedAnnounce;

  constructor(private readonly options: MemoryPeerStoreOptions) {
    this.#swarms = new PackedSwarms(options.random, options.limits);
    this.#announce = this.#swarms.newAnnounce();
    this.quick = { swarms: this.#swarms, isReady: () => true, stored: () => undefined };
  }

  announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced> {
    const now = this.options.clock.now();
    this.#announce.set(announce);
    const stored = this.#swarms.announce(this.#announce, now, pick);
    const announced = { counts: this.#counts(), picked: this.#swarms.pickedRecords(now), stored };
    // Sweeping moves entries, so what was chosen has to be read before.
    this.#swarms.sweepNext(now);
    return Promise.resolve(announced);
  }

  announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    const now = this.options.clock.now();
    let stored = 0;
    for (const announce of announces) {
      this.#announce.set(announce);
      this.#announce.sample = 0;
      if (this.#swarms.announce(this.#announce, now, null)) stored++;
    }
    return Promise.resolve(stored);
  }

  counts(id: SwarmId): Promise<SwarmCounts> {
    this.#swarms.look(this.#keyOf(id), this.options.clock.now());
    return Promise.resolve(this.#counts());
  }

  peers(id: SwarmId, limit: number): Promise<PeerRecord[]> {
    const now = this.options.clock.now();
    this.#swarms.look(this.#keyOf(id), now);
    return Promise.resolve(this.#swarms.records(limit, now));
  }

  stats(): Promise<PeerStoreStats> {
    this.#swarms.sweepNext(this.options.clock.now());
    const { liveSwarms: swarms, peers } = this.#swarms;
    return Promise.resolve({ swarms, peers });
  }

  #keyOf(id: SwarmId): SwarmKey {
    this.#announce.setSwarm(id);
    return this.#announce.swarm;
  }

  /** Of the swarm that was looked at last. */
  #counts(): SwarmCounts {
    const { complete, downloading, paused, origins, completions } = this.#swarms.counts;
    const known = complete + downloading + paused + origins + completions > 0;
    return known ? { complete, downloading, paused, origins, completions } : NO_PEERS;
  }
}
