import { deadline, untilAborted, type Clock } from '#lib/runtime';

export interface LatelyOptions {
  readonly clock: Clock;
  /** A reading is good for so long, ms. */
  readonly goodForMs: number;
  /** Nobody waits for one for longer, ms. */
  readonly patienceMs: number;
}

/**
 * Something that costs a request to somebody else, for readers who may neither fail nor wait: they get
 * the last reading while a new one does not come.
 */
export class Lately<T> {
  #last: T | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  #answers = true;

  constructor(
    private readonly read: () => Promise<T>,
    private readonly options: LatelyOptions,
  ) {}

  /** The reading of now or of lately; null before the first that came. */
  async get(): Promise<T | null> {
    const { clock, goodForMs, patienceMs } = this.options;
    if (clock.monotonic() - this.#readAt < goodForMs) return this.#last;
    this.#reading ??= this.#readOnce();
    await untilAborted(this.#reading, deadline(patienceMs)).catch(() => (this.#answers = false));
    return this.#last;
  }

  /** Whether the last `get` found somebody who answers. */
  get answers(): boolean {
    return this.#answers;
  }

  async #readOnce(): Promise<void> {
    try {
      this.#last = await this.read();
      this.#readAt = this.options.clock.monotonic();
      this.#answers = true;
    } catch {
      this.#answers = false;
    } finally {
      this.#reading = null;
    }
  }
}
