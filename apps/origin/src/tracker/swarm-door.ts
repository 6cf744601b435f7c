import type { SwarmId } from '#lib/tracker';

import { AnnouncedHosts } from './announced.hosts.js';
import type { StoredPeer, StoreWatch } from './watched.peer-store.js';

/** How long an announce waits for the seeder to get ready, ms; the next announce finds it then. */
const READY_MS = 2000;
/** A seeder that said it is ready is not asked again for so long, ms: it may be asked thousands of times a second. */
const GOOD_FOR_MS = 1000;
const MOST_READY = 10_000;

/** Makes an artifact ready to be given, if it is not. */
export type GetReady = (swarm: SwarmId) => Promise<void>;

/** What other replicas should know of what comes to this one's door, and may know of it. */
export interface DoorNews {
  /** Somebody downloads; called for a swarm about once a second. */
  wanted(swarm: SwarmId): void;
  /** A host may come, for `forMs` milliseconds, that was not let in before. */
  announced(swarm: SwarmId, host: string, forMs: number): void;
  /** A host came that was not announced here. */
  unknown(swarm: SwarmId): void;
}

/** Between the tracker and this process's own seeder: who wants what, and from where. */
export class SwarmDoor implements StoreWatch {
  readonly hosts = new AnnouncedHosts();
  #getReady: GetReady | null = null;
  #news: DoorNews | null = null;
  /** Until when the seeder need not be asked, ms. */
  readonly #ready = new Map<SwarmId, number>();

  /** @param hears whether peers who prove nothing are let in because they announced, and so have to be noted */
  constructor(
    private readonly now: () => number,
    readonly hears: boolean,
  ) {}

  /** The seeder says how it gets ready; without one nothing is given from here. */
  openWith(getReady: GetReady): void {
    this.#getReady = getReady;
  }

  /** Where there are other replicas: they are told from now on. */
  tell(news: DoorNews): void {
    this.#news = news;
  }

  /** Whether peers at this address may connect though they prove nothing. */
  isAnnounced(swarm: SwarmId, host: string): boolean {
    const isKnown = this.hosts.has(swarm, host, this.now());
    if (!isKnown) this.#news?.unknown(swarm);
    return isKnown;
  }

  async downloader(swarm: SwarmId): Promise<void> {
    if (this.isReady(swarm)) return;
    this.#news?.wanted(swarm);
    if (!this.#getReady) return this.#isReady(swarm);
    const ready = Promise.withResolvers<void>();
    const timer = setTimeout(ready.resolve, READY_MS);
    // A seeder that cannot is no reason to keep peers from each other.
    this.#getReady(swarm).then(
      () => {
        this.#isReady(swarm);
        ready.resolve();
      },
      () => ready.resolve(),
    );
    await ready.promise;
    clearTimeout(timer);
  }

  isReady(swarm: SwarmId): boolean {
    if (!this.#getReady && !this.#news) return true;
    return (this.#ready.get(swarm) ?? 0) > this.now();
  }

  stored(swarm: SwarmId, { host, kind, caller, expiresAt }: StoredPeer): void {
    // Who came without a key, as an open tracker allows, is not let in elsewhere for it; and that an
    // origin is on a machine says nothing about others there.
    if (!this.hears || caller === '' || kind === 'origin') return;
    const now = this.now();
    const isNews = this.hosts.note(swarm, host, expiresAt, now);
    if (isNews) this.#news?.announced(swarm, host, expiresAt - now);
  }

  #isReady(swarm: SwarmId): void {
    // Few swarms are downloaded in at a time; what is over is forgotten with all others.
    if (this.#ready.size >= MOST_READY) this.#ready.clear();
    this.#ready.set(swarm, this.now() + GOOD_FOR_MS);
  }
}
