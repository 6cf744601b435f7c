import { RateMeter } from './rate.meter.js';

/**
 * What is told ahead lasts for so long at the rate of late, milliseconds: a client that grows with what it
 * gets is then not held back, even when it is busy for a few seconds.
 */
const AHEAD_MS = 5000;
/** As long as a client has not been faster than that, bytes. */
const LEAST_AHEAD = 8 * 1024 * 1024;

/**
 * The ways of a client that asks and tells at leisure, as strangers may: Transmission looks once a second
 * what there is to ask for, and every ten seconds whether it wants anything at all. When a look finds
 * nothing it says that it is not interested, and is idle until the next one. So it must never have
 * got all that it was told of, as long as there is more.
 *
 * It hears of offers by HAVE, which cannot be taken back: it may ask for them as long as it stays.
 */
export class Leisure {
  /** Runs that it was told of. */
  readonly told = new Set<number>();
  readonly #rate: RateMeter;

  /** @param now monotonic milliseconds */
  constructor(
    now: number,
    private readonly leastAhead = LEAST_AHEAD,
  ) {
    this.#rate = new RateMeter(now);
  }

  /** Payload bytes were sent to it. */
  sent(bytes: number, now: number): void {
    this.#rate.add(bytes, now);
  }

  /** How much it should know of and not have been sent, bytes. */
  aheadBytes(now: number): number {
    return Math.max(this.leastAhead, (this.#rate.rate(now) * AHEAD_MS) / 1000);
  }
}
