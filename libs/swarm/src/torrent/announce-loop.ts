import { FleetseedError, toFleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import type {
  AnnounceAnswer,
  AnnounceEvent,
  Announcer,
  AnnounceRequest,
} from '../announce/announcer.js';

/** How long the last word to a tracker may take, milliseconds. */
const FAREWELL_MS = 800;

export interface AnnounceLoopOptions {
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to tell at the moment, but for the event. */
  readonly facts: () => Omit<AnnounceRequest, 'event'>;
  readonly answered: (answer: AnnounceAnswer) => void;
}

/** Keeps the tracker told, one announce at a time. It never fails: what fails is tried again. */
export class AnnounceLoop {
  readonly #options: AnnounceLoopOptions;
  readonly #abort = new AbortController();
  #event: AnnounceEvent = 'started';
  #running: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #notBefore = 0;
  #told = false;
  #completed = false;

  constructor(options: AnnounceLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#announce();
  }

  /** The download is complete: told at once. */
  completed(): void {
    if (this.#completed) return;
    this.#completed = true;
    // A tracker that never heard of us counts `started`, and sees that nothing is left.
    if (this.#told) this.#event = 'completed';
    this.#cancelTimer?.();
    if (!this.#running) this.#announce();
  }

  /** Peers are needed: announces as soon as the tracker allows. */
  hurry(): void {
    if (this.#running || this.#abort.signal.aborted) return;
    const wait = Math.max(0, this.#notBefore - this.#options.clock.monotonic());
    this.#schedule(wait);
  }

  /** Announces `stopped`, if the tracker had heard of us, and ends within a second. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#abort.abort(new FleetseedError('SHUTTING_DOWN', 'The torrent was stopped.'));
    await this.#running;
    if (!this.#told) return;
    const request = { ...this.#options.facts(), event: 'stopped' as const, numWant: 0 };
    try {
      await this.#options.announcer.announce(request, AbortSignal.timeout(FAREWELL_MS));
    } catch (error) {
      this.#options.logger.debug('farewell to the tracker failed', { error });
    }
  }

  #announce(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#running = this.#once().finally(() => {
      this.#running = null;
    });
  }

  async #once(): Promise<void> {
    const { announcer, clock, logger, facts, answered } = this.#options;
    const event = this.#event;
    try {
      const answer = await announcer.announce({ ...facts(), event }, this.#abort.signal);
      this.#told = true;
      if (this.#event === event) this.#event = 'none';
      this.#notBefore = clock.monotonic() + answer.minIntervalMs;
      if (this.#abort.signal.aborted) return;
      answered(answer);
      // `completed` may have happened meanwhile.
      this.#schedule(this.#event === 'none' ? answer.intervalMs : 0);
    } catch (thrown) {
      if (this.#abort.signal.aborted) return;
      const error = toFleetseedError(thrown);
      logger.warn('announce failed', { code: error.code, error });
      const retryMs = announcer.retryAfterMs();
      this.#notBefore = clock.monotonic() + retryMs;
      this.#schedule(retryMs);
    }
  }

  #schedule(ms: number): void {
    this.#cancelTimer?.();
    if (this.#abort.signal.aborted || !Number.isFinite(ms)) return;
    this.#cancelTimer = this.#options.clock.setTimer(ms, () => this.#announce());
  }
}
