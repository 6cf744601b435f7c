import type { Clock } from '#lib/runtime';

export interface WebSeedLimits {
  /** Answers under way at a time. */
  readonly maxConcurrent: number;
  /** Bytes a second over all answers; 0 is no limit. */
  readonly bytesPerSecond: number;
}

/**
 * What the web seed may send. It is the floor of a swarm, not its source: a request that comes while
 * the budget is used up is told when to come back, and the swarm goes on meanwhile.
 *
 * The rate is a bucket that may run into debt by one answer: ranges are asked for whole, and what
 * was promised is sent.
 */
export class WebSeedBudget {
  #running = 0;
  #tokens: number;
  #filledAt: number;

  constructor(
    private readonly limits: WebSeedLimits,
    private readonly clock: Clock,
  ) {
    this.#tokens = limits.bytesPerSecond;
    this.#filledAt = clock.monotonic();
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Takes room for an answer of `bytes`.
   * @returns what gives the room back, or the seconds (≥ 1) after which asking again may help.
   */
  admit(bytes: number): { readonly release: () => void } | { readonly retryAfterSeconds: number } {
    if (this.#running >= this.limits.maxConcurrent) return { retryAfterSeconds: 2 };
    const rate = this.limits.bytesPerSecond;
    if (rate > 0) {
      this.#fill(rate);
      if (this.#tokens <= 0) {
        return { retryAfterSeconds: Math.min(60, Math.max(1, Math.ceil(-this.#tokens / rate))) };
      }
      this.#tokens -= bytes;
    }
    this.#running++;
    let held = true;
    return {
      release: () => {
        if (held) this.#running--;
        held = false;
      },
    };
  }

  #fill(rate: number): void {
    const now = this.clock.monotonic();
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#filledAt) / 1000) * rate);
    this.#filledAt = now;
  }
}
