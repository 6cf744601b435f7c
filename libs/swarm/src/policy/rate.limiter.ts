/** A burst is at most what this much time earns, milliseconds. */
const BURST_MS = 250;
/** A burst is at least this much, so that a slow limit still lets whole blocks through, bytes. */
const LEAST_BURST = 16 * 1024;

/**
 * A token bucket over bytes whose rate may change at any time; null means no limit. It may be
 * overdrawn (bytes that were read cannot be unread): then nothing is allowed until the debt is paid,
 * and the average holds all the same. Times are milliseconds of a monotonic clock.
 */
export class RateLimiter {
  #rate: number | null;
  #tokens = 0;
  #at: number;

  constructor(bytesPerSecond: number | null, now: number) {
    this.#rate = null;
    this.#at = now;
    this.setRate(bytesPerSecond, now);
  }

  get rate(): number | null {
    return this.#rate;
  }

  /** @throws RangeError unless the rate is null or positive. */
  setRate(bytesPerSecond: number | null, now: number): void {
    if (bytesPerSecond !== null && !(bytesPerSecond > 0)) {
      throw new RangeError(`A rate limit must be positive, not ${bytesPerSecond}.`);
    }
    this.#earn(now);
    const wasUnlimited = this.#rate === null;
    this.#rate = bytesPerSecond;
    this.#tokens = wasUnlimited ? this.#burst() : Math.min(this.#tokens, this.#burst());
  }

  /** Bytes that may move now; 0 while in debt, Infinity without a limit. */
  available(now: number): number {
    if (this.#rate === null) return Infinity;
    this.#earn(now);
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** Bytes moved. */
  spend(bytes: number, now: number): void {
    if (this.#rate === null) return;
    this.#earn(now);
    this.#tokens -= bytes;
  }

  #burst(): number {
    return this.#rate === null ? 0 : Math.max(LEAST_BURST, (this.#rate * BURST_MS) / 1000);
  }

  #earn(now: number): void {
    if (this.#rate !== null) {
      const earned = (this.#rate * Math.max(0, now - this.#at)) / 1000;
      this.#tokens = Math.min(this.#burst(), this.#tokens + earned);
    }
    this.#at = now;
  }
}
