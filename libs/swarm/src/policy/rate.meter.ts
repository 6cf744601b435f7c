/** How long the past counts, milliseconds. */
const MEMORY_MS = 3000;
/** A first burst is no rate: no less time than this is counted, milliseconds. */
const LEAST_AGE_MS = 500;

/** Bytes a second of late: an exponential average that needs no time to warm up. */
export class RateMeter {
  #weighted = 0;
  #at: number;
  #since: number;

  constructor(now: number) {
    this.#at = now;
    this.#since = now;
  }

  add(bytes: number, now: number): void {
    this.#decay(now);
    this.#weighted += bytes;
  }

  /** Bytes a second. */
  rate(now: number): number {
    this.#decay(now);
    const age = Math.max(LEAST_AGE_MS, now - this.#since);
    return (this.#weighted * 1000) / (MEMORY_MS * (1 - Math.exp(-age / MEMORY_MS)));
  }

  #decay(now: number): void {
    if (now <= this.#at) return;
    this.#weighted *= Math.exp((this.#at - now) / MEMORY_MS);
    this.#at = now;
  }
}
