import { toFleetseedError, type AgentReport } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import type { StageLedger } from '../ledger/stage-ledger.js';

export interface ReporterOptions {
  /** The full state of the moment. */
  readonly describe: () => Promise<Omit<AgentReport, 'ledger'>>;
  readonly ledger: StageLedger;
  /** @returns up to which sequence the ledger is durable now */
  readonly send: (report: AgentReport, signal: AbortSignal) => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Changes are gathered for this long, milliseconds. */
const GATHER_MS = 200;
/** How far a stage has come is told this often, milliseconds: a whole fleet stages at once. */
const PROGRESS_MS = 1_000;
/** Without a change the state is sent again after this, milliseconds. */
const EVERY_MS = 30_000;
/** An origin that did not take a report is left alone for this long, milliseconds. */
const RETRY_MS = 3_000;

/** Keeps the origin told: soon after a change, now and then without one, one report at a time. */
export class Reporter {
  #cancelTimer: (() => void) | null = null;
  #dueAt = Infinity;
  #notBefore = 0;
  #sending: Promise<void> | null = null;
  readonly #stopped = new AbortController();

  constructor(private readonly options: ReporterOptions) {}

  /** Something changed that the origin should know. */
  changed(): void {
    this.#within(GATHER_MS);
  }

  /** A stage went on. */
  progressed(): void {
    this.#within(PROGRESS_MS);
  }

  /** What is not sent by now is sent by the next process: it is in the journal and the ledger. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelTimer?.();
    await this.#sending;
  }

  /** One that is due earlier stays. */
  #within(ms: number): void {
    const now = this.options.clock.monotonic();
    const at = Math.max(now + ms, this.#notBefore);
    if (this.#stopped.signal.aborted || at >= this.#dueAt) return;
    this.#dueAt = at;
    // While one is under way, the next begins when it is done.
    if (!this.#sending) this.#sendAt(at);
  }

  #sendAt(at: number): void {
    const { clock } = this.options;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => {
      this.#dueAt = Infinity;
      this.#sending = this.#send().finally(() => {
        this.#sending = null;
        this.#within(EVERY_MS);
        if (!this.#stopped.signal.aborted) this.#sendAt(this.#dueAt);
      });
    });
  }

  async #send(): Promise<void> {
    const { describe, ledger, send, clock, logger } = this.options;
    try {
      const report = { ...(await describe()), ledger: [...ledger.pending] };
      await ledger.acknowledge(await send(report, this.#stopped.signal));
      if (ledger.pending.length > 0) this.changed();
    } catch (error) {
      const { code, message } = toFleetseedError(error);
      logger.debug('report not sent', { code, reason: message });
      this.#notBefore = clock.monotonic() + RETRY_MS;
      this.#dueAt = Infinity;
      this.changed();
    }
  }
}
