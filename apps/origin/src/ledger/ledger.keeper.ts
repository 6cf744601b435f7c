import type { LedgerRecord } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import { dayOf } from './ledger-day.document.js';
import type { LedgerAccount } from './ledger.account.js';
import type { LedgerStore } from './ledger.store.js';

/** How far the documents may be behind the account, ms (DESIGN §4). */
const MAX_BEHIND_MS = 10_000;
/** For so long a machine may have been off with records that it already sent, ms. */
const SESSIONS_KEPT_MS = 60 * 86_400_000;

/**
 * Keeps the account on disk: records of machines before they are acknowledged, the origin's own
 * bytes at most ten seconds late. One write is under way at a time, and whoever comes meanwhile
 * shares the next one.
 */
export class LedgerKeeper {
  readonly #dirtyDays = new Set<string>();
  #writing: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #latest = 0;

  constructor(
    private readonly account: LedgerAccount,
    private readonly store: LedgerStore,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Sums what all runs wrote before. To be called once, before anything is counted. */
  async load(): Promise<void> {
    const oldest = dayOf(this.clock.now() - SESSIONS_KEPT_MS);
    for await (const document of this.store.documents()) {
      this.account.load(document, document.day >= oldest);
    }
  }

  countOrigin(artifact: string, reason: string, bytes: number): void {
    const now = this.#now();
    this.account.countOrigin(artifact, reason, bytes, now);
    this.#dirtyDays.add(dayOf(now));
    this.#cancelTimer ??= this.clock.setTimer(MAX_BEHIND_MS, () => {
      this.#cancelTimer = null;
      this.flush().catch((error: unknown) => this.logger.error('ledger not written', { error }));
    });
  }

  /** Counts records; resolves when they are durable, also those that came before. */
  async record(reporter: string, records: readonly LedgerRecord[]): Promise<void> {
    const now = this.#now();
    for (const record of records) {
      if (this.account.countStage(reporter, record, now)) this.#dirtyDays.add(dayOf(now));
    }
    // A repetition may come while its first report is still being written: it waits for that, too.
    await this.flush();
  }

  /** Resolves when everything that was counted before the call is durable. */
  async flush(): Promise<void> {
    if (!this.#writing) {
      if (this.#dirtyDays.size === 0) return;
      this.#writing = this.#write().finally(() => (this.#writing = null));
      return this.#writing;
    }
    this.#next ??= this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.flush();
      });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    await this.flush();
  }

  /** A clock that is set back must not open a day again that was written and forgotten. */
  #now(): number {
    this.#latest = Math.max(this.#latest, this.clock.now());
    return this.#latest;
  }

  async #write(): Promise<void> {
    const days = [...this.#dirtyDays];
    this.#dirtyDays.clear();
    try {
      for (const day of days) {
        const document = this.account.document(day);
        if (document) await this.store.write(document);
        // What came while it was written is in the document, and goes with the next write.
        const isOver = day !== dayOf(this.#now()) && !this.#dirtyDays.has(day);
        if (isOver) this.account.forgetDocument(day);
      }
    } catch (error) {
      for (const day of days) this.#dirtyDays.add(day);
      throw error;
    }
  }
}
