/**
 * A burst is at most what this much time earns, milliseconds: less than 5 % of two seconds, so that no
 * window of two seconds exceeds the rate by more; and enough to make up for a busy event loop.
 */
const BURST_MS = 90;
/** What is moved at once is about what this much time earns, milliseconds. */
const SLICE_MS = 20;
const LEAST_SLICE = 512;
const LARGEST_SLICE = 256 * 1024;

/** Limits of both directions, bytes a second; null for none. */
export interface RateLimits {
  readonly download: number | null;
  readonly upload: number | null;
}

/**
 * A token bucket over bytes whose rate may change at any time; null means no limit. In any stretch of
 * time it lets through what the time earns and one burst. It may be overdrawn, by what cannot be cut:
 * then nothing is allowed until the debt is paid, and the average holds all the same. Times are
 * milliseconds of a monotonic clock.
 */
export class RateLimiter {
  #rate: number | null;
  #tokens = 0;
  #at: number;
  readonly #burstMs: number;

  constructor(bytesPerSecond: number | null, now: number, burstMs = BURST_MS) {
    this.#rate = null;
    this.#at = now;
    this.#burstMs = burstMs;
    this.setRate(bytesPerSecond, now);
  }

  get rate(): number | null {
    return this.#rate;
  }

  /** The least that is worth moving at once, bytes; 0 without a limit. */
  get slice(): number {
    if (this.#rate === null) return 0;
    return Math.min(LARGEST_SLICE, Math.max(LEAST_SLICE, (this.#rate * SLICE_MS) / 1000));
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

  /** Like {@link available}, but 0 while that is less than a slice. */
  grant(now: number): number {
    const available = this.available(now);
    return available < this.slice ? 0 : available;
  }

  /** Milliseconds until there is a grant; 0 when there is one. */
  waitMs(now: number): number {
    if (this.#rate === null) return 0;
    this.#earn(now);
    return Math.max(0, ((Math.ceil(this.slice) - this.#tokens) * 1000) / this.#rate);
  }

  /** Bytes moved. */
  spend(bytes: number, now: number): void {
    if (this.#rate === null) return;
    this.#earn(now);
    this.#tokens -= bytes;
  }

  #burst(): number {
    return this.#rate === null ? 0 : Math.max(this.slice + 1, (this.#rate * this.#burstMs) / 1000);
  }

  #earn(now: number): void {
    if (this.#rate !== null) {
      const earned = (this.#rate * Math.max(0, now - this.#at)) / 1000;
      this.#tokens = Math.min(this.#burst(), this.#tokens + earned);
    }
    this.#at = now;
  }
}
