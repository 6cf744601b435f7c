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
/** Without a change the state is sent again after this, milliseconds. */
const EVERY_MS = 30_000;
const RETRY_MS = 3_000;

/** Keeps the origin told: soon after a change, now and then without one, one report at a time. */
export class Reporter {
  #cancelTimer: (() => void) | null = null;
  #dueAt = Infinity;
  #sending: Promise<void> | null = null;
  #changedWhileSending = false;
  readonly #stopped = new AbortController();

  constructor(private readonly options: ReporterOptions) {}

  /** Something changed that the origin should know. */
  changed(): void {
    if (this.#sending) this.#changedWhileSending = true;
    else this.#sendIn(GATHER_MS);
  }

  /** Sends what is new once more, then nothing again. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    await this.#sending;
    this.#stopped.abort();
  }

  #sendIn(ms: number): void {
    const { clock } = this.options;
    const at = clock.monotonic() + ms;
    if (this.#stopped.signal.aborted || at >= this.#dueAt) return;
    this.#cancelTimer?.();
    this.#dueAt = at;
    this.#cancelTimer = clock.setTimer(ms, () => {
      this.#dueAt = Infinity;
      this.#sending = this.#send();
    });
  }

  async #send(): Promise<void> {
    const { describe, ledger, send, logger } = this.options;
    let nextMs = EVERY_MS;
    try {
      const report = { ...(await describe()), ledger: [...ledger.pending] };
      await ledger.acknowledge(await send(report, this.#stopped.signal));
      if (ledger.pending.length > 0) nextMs = GATHER_MS;
    } catch (error) {
      const { code, message } = toFleetseedError(error);
      logger.debug('report not sent', { code, reason: message });
      nextMs = RETRY_MS;
    }
    this.#sending = null;
    const soon = this.#changedWhileSending && nextMs === EVERY_MS;
    this.#changedWhileSending = false;
    this.#sendIn(soon ? GATHER_MS : nextMs);
  }
}
