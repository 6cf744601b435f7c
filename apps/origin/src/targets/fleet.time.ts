/** Nobody's clock is believed to be further ahead than this, ms. */
const MOST_AHEAD_MS = 86_400_000;

/**
 * Stamps for what replicas tell each other, so that the newer of two words about one thing is the same
 * for all: wall-clock time, but always later than every stamp that was made or heard here. Whoever heard
 * of a word thus answers with a later one, whatever its clock says (a hybrid logical clock).
 */
export class FleetTime {
  #last = 0;

  /** @param now ms since the epoch */
  constructor(private readonly now: () => number) {}

  next(): number {
    this.#last = Math.max(this.now(), this.#last + 1);
    return this.#last;
  }

  heard(stamp: number): void {
    if (stamp <= this.now() + MOST_AHEAD_MS) this.#last = Math.max(this.#last, stamp);
  }
}
