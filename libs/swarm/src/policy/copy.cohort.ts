import { randomInt, type Random } from '#lib/runtime';

/** How many runs are looked at in one search, so that a deal costs the same for any artifact. */
const SEARCH_LIMIT = 512;

/**
 * Machines that began together, and which runs were dealt to them. Runs not dealt yet stand in random
 * order, so that no two members of a cohort start with the same ones.
 */
export class Cohort {
  /** Payload bytes of first and rare copies sent. */
  spent = 0;
  /** Bytes of first and rare copies that are offered and not sent whole. */
  promised = 0;
  readonly #fresh: Uint32Array;
  readonly #position: Uint32Array;
  #freshCount: number;
  readonly #dealtAt: Float64Array;
  #freshCursor = 0;
  #dealtCursor = 0;

  constructor(
    runCount: number,
    readonly startedAt: number,
    random: Random,
  ) {
    this.#fresh = Uint32Array.from({ length: runCount }, (_, run) => run);
    this.#position = this.#fresh.slice();
    this.#freshCount = runCount;
    this.#dealtAt = new Float64Array(runCount);
    for (let last = runCount - 1; last > 0; last--) this.#swap(last, randomInt(random, last + 1));
  }

  /** Runs that were dealt to nobody of the cohort. */
  get freshCount(): number {
    return this.#freshCount;
  }

  /** The run was dealt to nobody of the cohort. */
  isFresh(run: number): boolean {
    return this.#position[run]! < this.#freshCount;
  }

  /** When the run was dealt last; of use only for runs that are not fresh. */
  dealtAt(run: number): number {
    return this.#dealtAt[run]!;
  }

  /** The run is dealt, or what was dealt is sent. */
  deal(run: number, now: number): void {
    this.#dealtAt[run] = now;
    if (this.#position[run]! >= this.#freshCount) return;
    this.#freshCount--;
    this.#swap(this.#position[run]!, this.#freshCount);
  }

  /** The run did not reach the cohort after all. */
  giveBack(run: number): void {
    if (this.#position[run]! < this.#freshCount) return;
    this.#swap(this.#position[run]!, this.#freshCount);
    this.#freshCount++;
  }

  /** A run that was not dealt and `fits`; -1 when none is found. */
  findFresh(fits: (run: number) => boolean): number {
    const count = this.#freshCount;
    for (let step = Math.min(count, SEARCH_LIMIT); step > 0; step--) {
      this.#freshCursor = (this.#freshCursor + 1) % count;
      const run = this.#fresh[this.#freshCursor]!;
      if (fits(run)) return run;
    }
    return -1;
  }

  /** A run that was dealt and `fits`; searches go on where the last one ended. -1: none found. */
  findDealt(fits: (run: number) => boolean): number {
    const count = this.#fresh.length - this.#freshCount;
    for (let step = Math.min(count, SEARCH_LIMIT); step > 0; step--) {
      this.#dealtCursor = (this.#dealtCursor + 1) % count;
      const run = this.#fresh[this.#freshCount + this.#dealtCursor]!;
      if (fits(run)) return run;
    }
    return -1;
  }

  #swap(left: number, right: number): void {
    const a = this.#fresh[left]!;
    const b = this.#fresh[right]!;
    this.#fresh[left] = b;
    this.#fresh[right] = a;
    this.#position[b] = left;
    this.#position[a] = right;
  }
}
