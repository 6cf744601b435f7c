import { silentLogger, type Clock, type Logger } from '#lib/runtime';

import { MissedAnnounces } from './missed-announces.js';
import type {
  PeerAnnounce,
  PeerAnnounced,
  PeerRecord,
  PeerStore,
  PeerStoreStats,
  PickPeers,
  SwarmCounts,
  SwarmId,
} from './peer-store.js';

export interface SurvivingPeerStoreOptions {
  /** May reject, and does so soon, when it is not there. */
  readonly shared: PeerStore;
  /** In this process; it is given everything that is announced here. */
  readonly own: PeerStore;
  readonly clock: Clock;
  readonly logger?: Logger;
}

/** Between attempts to reach a store that is away, ms. */
const RETRY_MS = 1000;
const REPLAYED_AT_ONCE = 500;
/** Asked for to see whether somebody answers. */
const NO_SWARM = '0'.repeat(40);

/**
 * A shared store whose outage nobody waits for. While it is away, answers come from what was announced in
 * this process: fewer peers, but swarms go on, and this process's own seeder is among them. After the
 * first call that fails the shared store is not asked until it answers; then it is told what it has missed.
 */
export class SurvivingPeerStore implements PeerStore {
  readonly #missed = new MissedAnnounces();
  readonly #logger: Logger;
  #away = false;
  /** An attempt to come back is planned or under way. */
  #trying = false;
  #closed = false;
  #cancel: () => void = () => undefined;

  constructor(private readonly options: SurvivingPeerStoreOptions) {
    this.#logger = options.logger ?? silentLogger;
  }

  get epoch(): string {
    return this.options.shared.epoch;
  }

  onNewEpoch(listener: (epoch: string) => void): () => void {
    return this.options.shared.onNewEpoch?.(listener) ?? (() => undefined);
  }

  /** Whether the shared store is asked at the moment. */
  get isShared(): boolean {
    return !this.#away;
  }

  async announce(announce: PeerAnnounce, pick: PickPeers): Promise<PeerAnnounced> {
    const { shared, own } = this.options;
    if (!this.#away) {
      try {
        this.#missed.forget(announce);
        const announced = await shared.announce(announce, pick);
        if (announced.stored) await own.announceMany([announce]);
        return announced;
      } catch (error) {
        this.#isAway(error);
      }
    }
    this.#missed.note(announce);
    return own.announce(announce, pick);
  }

  async announceMany(announces: readonly PeerAnnounce[]): Promise<number> {
    const { shared, own } = this.options;
    const here = await own.announceMany(announces);
    if (!this.#away) {
      try {
        for (const announce of announces) this.#missed.forget(announce);
        return await shared.announceMany(announces);
      } catch (error) {
        this.#isAway(error);
      }
    }
    for (const announce of announces) this.#missed.note(announce);
    return here;
  }

  counts(swarm: SwarmId): Promise<SwarmCounts> {
    return this.#ask((store) => store.counts(swarm));
  }

  peers(swarm: SwarmId, limit: number): Promise<PeerRecord[]> {
    return this.#ask((store) => store.peers(swarm, limit));
  }

  stats(): Promise<PeerStoreStats> {
    return this.#ask((store) => store.stats());
  }

  /** Ends the attempts to reach the shared store. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #ask<T>(question: (store: PeerStore) => Promise<T>): Promise<T> {
    const { shared, own } = this.options;
    if (!this.#away) {
      try {
        return await question(shared);
      } catch (error) {
        this.#isAway(error);
      }
    }
    return question(own);
  }

  #isAway(error: unknown): void {
    if (!this.#away) {
      this.#logger.warn('the shared peer store is away; answers come from this process', { error });
    }
    this.#away = true;
    this.#tryLater();
  }

  #tryLater(): void {
    if (this.#closed || this.#trying) return;
    this.#trying = true;
    this.#cancel = this.options.clock.setTimer(RETRY_MS, () => {
      this.#comeBack()
        .catch(() => undefined)
        .finally(() => {
          this.#trying = false;
          if (this.#away) this.#tryLater();
          else this.#logger.info('the shared peer store is back');
        });
    });
  }

  async #comeBack(): Promise<void> {
    const { shared, clock } = this.options;
    await shared.counts(NO_SWARM);
    // From now on it is asked first; a later announce takes the place of the one that is missed.
    this.#away = false;
    while (this.#missed.size > 0 && !this.#away && !this.#closed) {
      // Not put back when they fail: what a store that answers does not take must not be in the way for
      // ever, and their peers announce again by themselves.
      await shared.announceMany(this.#missed.take(REPLAYED_AT_ONCE, clock.now()));
    }
  }
}
