import type { LedgerRecord } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import { dayOf, type LedgerDayDocument } from './ledger-day.document.js';
import type { LedgerAccount } from './ledger.account.js';
import type { LedgerStore } from './ledger.store.js';

/** How far the documents may be behind the account, ms: others read them, and shall be at most 10 s behind. */
const MAX_BEHIND_MS = 5000;
/** For so long a machine may have been off with records that it already sent, ms. */
const SESSIONS_KEPT_MS = 60 * 86_400_000;
/** Stages that are kept by themselves in one document; it is written as a whole. */
const MOST_RECORDS = 2000;
/** Documents of the day before may still be written, ms. */
const GROWING_MS = 86_400_000;

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
  /** Full documents that are not written yet. */
  readonly #full: LedgerDayDocument[] = [];
  /** Documents of others that will not change, by name. */
  readonly #final = new Set<string>();

  constructor(
    private readonly account: LedgerAccount,
    private readonly store: LedgerStore,
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** A document, `<day>/<replica>`, is in the depot as it is now. */
    private readonly onWritten: (name: string) => void = () => undefined,
  ) {}

  /** Sums what all runs wrote before. To be called once, before anything is counted. */
  async load(): Promise<void> {
    for await (const document of this.store.documents()) this.#load(document);
    this.#forget();
  }

  /** Sums what other replicas have counted meanwhile. */
  async loadOthers(): Promise<void> {
    const now = this.#now();
    const others = (name: string) => !this.#isOwn(name) && !this.#final.has(name);
    for (const at of [now - GROWING_MS, now]) {
      for await (const document of this.store.documents(dayOf(at), others)) this.#load(document);
    }
    this.#forget();
  }

  /** The same of one document that has changed, `<day>/<replica>`. */
  async loadOther(name: string): Promise<void> {
    const isOld = name < dayOf(this.#now() - GROWING_MS);
    if (isOld || this.#isOwn(name) || this.#final.has(name)) return;
    const document = await this.store.read(name);
    if (document) this.#load(document);
  }

  #load(document: LedgerDayDocument): void {
    this.account.load(document);
    if (document.sealed) this.#final.add(nameOf(document));
  }

  #forget(): void {
    const now = this.#now();
    const growing = dayOf(now - GROWING_MS);
    this.account.forgetBefore(dayOf(now - SESSIONS_KEPT_MS), growing);
    for (const name of this.#final) if (name < growing) this.#final.delete(name);
  }

  #isOwn(name: string): boolean {
    return name.slice(name.indexOf('/') + 1).startsWith(this.account.replica);
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
      for (const day of days) this.#setAsideIfFull(day);
      for (let full = this.#full[0]; full; full = this.#full[0]) {
        await this.#store(full);
        this.#full.shift();
      }
      for (const day of days) {
        const document = this.account.document(day);
        if (document) await this.#store(document);
        // What came while it was written is in the document, and goes with the next write.
        const isOver = day !== dayOf(this.#now()) && !this.#dirtyDays.has(day);
        if (isOver) this.account.forgetDocument(day);
      }
    } catch (error) {
      for (const day of days) this.#dirtyDays.add(day);
      throw error;
    }
  }

  /** What comes from now on goes into another document of the same day. */
  #setAsideIfFull(day: string): void {
    const document = this.account.document(day);
    if (!document || this.account.recordCount(day) < MOST_RECORDS) return;
    this.account.forgetDocument(day);
    this.#full.push({ ...document, sealed: true });
  }

  async #store(document: LedgerDayDocument): Promise<void> {
    await this.store.write(document);
    this.onWritten(nameOf(document));
  }
}

function nameOf({ day, replica }: LedgerDayDocument): string {
  return `${day}/${replica}`;
}
