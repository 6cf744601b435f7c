import type {
  PeerAnnounce,
  PeerAnnounced,
  PeerRecord,
  PeerStore,
  PeerStoreStats,
  PickPeers,
  SwarmCounts,
  SwarmId,
} from '#lib/tracker';

export interface StoreWatch {
  /** Somebody wants to download: whoever can give it may get ready before peers are handed out. */
  downloader(swarm: SwarmId): Promise<void>;
  /** A record was stored. */
  stored(swarm: SwarmId, peer: PeerRecord): void;
}

/** A peer store that lets others see who announces; the store's contract holds unchanged. */
export class WatchedPeerStore implements PeerStore {
  constructor(
    private readonly store: PeerStore,
    private readonly watch: StoreWatch,
  ) {}

  /** For callers without a key, in swarms of no artifact: nothing that the watch would want to see. */
  get packed(): PeerStore['packed'] {
    return this.store.packed;
  }

  get epoch(): string {
    return this.store.epoch;
  }

  onNewEpoch(listener: (epoch: string) => void): () => void {
    return this.store.onNewEpoch?.(listener) ?? (() => undefined);
  }

  async announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced> {
    const { swarm, peer, stopped } = announce;
    const downloads = !stopped && peer.state === 'downloading' && peer.kind !== 'origin';
    if (downloads) await this.watch.downloader(swarm);
    const announced = await this.store.announce(announce, pick);
    if (!stopped && announced.stored) this.watch.stored(swarm, peer);
    return announced;
  }

  async announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    const count = await this.store.announceMany(announces);
    for (const { swarm, peer, stopped } of announces) {
      if (!stopped) this.watch.stored(swarm, peer);
    }
    return count;
  }

  counts(swarm: SwarmId): Promise<SwarmCounts> {
    return this.store.counts(swarm);
  }

  peers(swarm: SwarmId, limit: number): Promise<PeerRecord[]> {
    return this.store.peers(swarm, limit);
  }

  stats(): Promise<PeerStoreStats> {
    return this.store.stats();
  }
}
