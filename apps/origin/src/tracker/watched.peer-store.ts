import {
  hostText,
  type PeerAnnounce,
  type PeerAnnounced,
  type PeerRecord,
  type PeerStore,
  type PeerStoreStats,
  type PickPeers,
  type QuickStore,
  type SwarmCounts,
  type SwarmId,
  type TrackerCaller,
} from '#lib/tracker';

export interface StoreWatch {
  /** Somebody wants to download: whoever can give it may get ready before peers are handed out. */
  downloader(swarm: SwarmId): Promise<void>;
  /** Whether {@link downloader} has nothing to do: announces need not wait for it. */
  isReady(swarm: SwarmId): boolean;
  /** Whether it wants to know what is stored. */
  readonly hears: boolean;
  /** A record was stored. */
  stored(swarm: SwarmId, peer: StoredPeer): void;
}

export type StoredPeer = Pick<PeerRecord, 'host' | 'kind' | 'caller' | 'expiresAt'>;

/** A peer store that lets others see who announces; the store's contract holds unchanged. */
export class WatchedPeerStore implements PeerStore {
  readonly quick: QuickStore | undefined;

  constructor(
    private readonly store: PeerStore,
    private readonly watch: StoreWatch,
  ) {
    this.quick = store.quick && quickly(store.quick, watch);
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

function quickly(store: QuickStore, watch: StoreWatch): QuickStore {
  return {
    swarms: store.swarms,
    isReady: (swarm) => store.isReady(swarm) && watch.isReady(swarm),
    stored(swarm: SwarmId, caller: TrackerCaller, address: Uint32Array, expiresAt: number) {
      store.stored(swarm, caller, address, expiresAt);
      // Who came without a key is of no interest: its address need not be written out.
      if (caller.id === '' || !watch.hears) return;
      const { kind, id } = caller;
      watch.stored(swarm, { host: hostText(address, 0), kind, caller: id, expiresAt });
    },
  };
}
