import type { PeerRecord, SwarmId } from '#lib/tracker';

import { AnnouncedHosts } from './announced.hosts.js';
import type { StoreWatch } from './watched.peer-store.js';

/** How long an announce waits for the seeder to get ready, ms; the next announce finds it then. */
const READY_MS = 2000;
const SWEEP_EVERY = 10_000;

/** Makes an artifact ready to be given, if it is not. */
export type GetReady = (swarm: SwarmId) => Promise<void>;

/** Between the tracker and this process's own seeder: who wants what, and from where. */
export class SwarmDoor implements StoreWatch {
  readonly hosts = new AnnouncedHosts();
  #getReady: GetReady | null = null;
  #noted = 0;

  constructor(private readonly now: () => number) {}

  /** The seeder says how it gets ready; without one nothing is given from here. */
  openWith(getReady: GetReady): void {
    this.#getReady = getReady;
  }

  async downloader(swarm: SwarmId): Promise<void> {
    if (!this.#getReady) return;
    const ready = Promise.withResolvers<void>();
    const timer = setTimeout(ready.resolve, READY_MS);
    // A seeder that cannot is no reason to keep peers from each other.
    this.#getReady(swarm).then(ready.resolve, () => ready.resolve());
    await ready.promise;
    clearTimeout(timer);
  }

  stored(swarm: SwarmId, { host, kind, caller, expiresAt }: PeerRecord): void {
    // Who came without a key, as an open tracker allows, is not let in elsewhere for it; and that an
    // origin is on a machine says nothing about others there.
    if (caller === '' || kind === 'origin') return;
    const now = this.now();
    if (++this.#noted % SWEEP_EVERY === 0) this.hosts.sweep(now);
    this.hosts.note(swarm, host, expiresAt, now);
  }
}
