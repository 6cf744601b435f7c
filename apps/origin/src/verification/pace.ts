import type { Clock } from '#lib/runtime';

/** Longer than this nobody makes up for: after a pause work goes on at the rate, not above it. */
const BURST_MS = 1000;

/** Spreads bytes over time: on average no more than `bytesPerSecond`, with at most a second's burst. */
export class Pace {
  /** When the bytes taken so far will have been paid for, by the monotonic clock. */
  #paidAt: number;

  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
  ) {
    this.#paidAt = clock.monotonic();
  }

  /** Milliseconds to wait after `bytes` more. */
  take(bytes: number): number {
    const now = this.clock.monotonic();
    this.#paidAt = Math.max(this.#paidAt, now - BURST_MS) + (bytes * 1000) / this.bytesPerSecond;
    return Math.max(0, this.#paidAt - now);
  }
}
