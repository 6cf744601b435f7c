import type { Clock, Random } from '#lib/runtime';

import { MemorySwarm } from './memory-swarm.js';
import {
  NO_PEERS,
  type PeerAnnounce,
  type PeerAnnounced,
  type PeerRecord,
  type PeerStore,
  type PeerStoreStats,
  type PickPeers,
  type SwarmCounts,
  type SwarmId,
} from './peer-store.js';

export interface PeerStoreLimits {
  readonly maxSwarms: number;
  /** Records in all swarms together. */
  readonly maxPeers: number;
  /** Strangers with one address in one swarm: nobody fills a swarm from one machine. */
  readonly maxStrangersPerHost: number;
}

export const DEFAULT_PEER_STORE_LIMITS: PeerStoreLimits = {
  maxSwarms: 200_000,
  maxPeers: 2_000_000,
  maxStrangersPerHost: 32,
};

export interface MemoryPeerStoreOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: Partial<PeerStoreLimits>;
}

/** Records of swarms that nobody asks for, looked at on each announce. */
const SWEEP_RECORDS = 32;

/** The store of a single replica: a few hundred bytes a peer. */
export class MemoryPeerStore implements PeerStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: PeerStoreLimits;
  readonly #swarms = new Map<SwarmId, MemorySwarm>();
  #peers = 0;
  #sweep: MapIterator<[SwarmId, MemorySwarm]>;

  constructor({ clock, random, limits }: MemoryPeerStoreOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = { ...DEFAULT_PEER_STORE_LIMITS, ...limits };
    this.#sweep = this.#swarms.entries();
  }

  announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced> {
    const now = this.#clock.now();
    const stored = this.#apply(announce, now);
    this.#sweepOne(now);
    const swarm = this.#swarms.get(announce.swarm);
    if (!swarm) return Promise.resolve({ counts: NO_PEERS, picked: [], stored });
    const counts = swarm.counts();
    if (announce.sample === 0) return Promise.resolve({ counts, picked: [], stored });
    const candidates = swarm.candidates(announce.peer, announce.sample, now, this.#random);
    const picked = pick(candidates, counts);
    swarm.handedOut(picked, now);
    return Promise.resolve({ counts, picked, stored });
  }

  announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    const now = this.#clock.now();
    let stored = 0;
    for (const announce of announces) if (this.#apply(announce, now)) stored++;
    return Promise.resolve(stored);
  }

  counts(id: SwarmId): Promise<SwarmCounts> {
    return Promise.resolve(this.#purged(id, this.#clock.now())?.counts() ?? NO_PEERS);
  }

  peers(id: SwarmId, limit: number): Promise<PeerRecord[]> {
    const now = this.#clock.now();
    return Promise.resolve(this.#purged(id, now)?.live(limit, now) ?? []);
  }

  stats(): Promise<PeerStoreStats> {
    this.#sweepOne(this.#clock.now());
    return Promise.resolve({ swarms: this.#swarms.size, peers: this.#peers });
  }

  /** Stores or removes one record. @returns false when a limit or a better record kept it out. */
  #apply({ swarm: id, peer, stopped }: PeerAnnounce, now: number): boolean {
    const known = this.#purged(id, now);
    if (known && !known.mayReplace(peer, now)) return false;
    if (stopped) {
      if (known?.remove(peer)) this.#peers--;
      this.#dropIfEmpty(id);
      return true;
    }
    const swarm = known ?? this.#newSwarm(id);
    if (!swarm) return false;
    const before = swarm.size;
    if (!swarm.has(peer) && !this.#hasRoom(swarm, peer)) {
      this.#dropIfEmpty(id);
      return false;
    }
    swarm.put(peer, now);
    this.#peers += swarm.size - before;
    return true;
  }

  #hasRoom(swarm: MemorySwarm, peer: PeerRecord): boolean {
    if (this.#peers >= this.#limits.maxPeers) return false;
    return (
      peer.kind !== 'stranger' || swarm.strangersAt(peer.host) < this.#limits.maxStrangersPerHost
    );
  }

  #newSwarm(id: SwarmId): MemorySwarm | undefined {
    if (this.#swarms.size >= this.#limits.maxSwarms) return undefined;
    const swarm = new MemorySwarm();
    this.#swarms.set(id, swarm);
    return swarm;
  }

  #purged(id: SwarmId, now: number): MemorySwarm | undefined {
    const swarm = this.#swarms.get(id);
    if (swarm) this.#peers -= swarm.purge(now);
    return swarm;
  }

  #dropIfEmpty(id: SwarmId): void {
    if (this.#swarms.get(id)?.size === 0) this.#swarms.delete(id);
  }

  /** Looks at one swarm in turn, so that those nobody announces in do not stay for ever. */
  #sweepOne(now: number): void {
    let next = this.#sweep.next();
    if (next.done) {
      this.#sweep = this.#swarms.entries();
      next = this.#sweep.next();
      if (next.done) return;
    }
    const [id, swarm] = next.value;
    this.#peers -= swarm.purge(now, SWEEP_RECORDS);
    this.#dropIfEmpty(id);
  }
}
