import { randomInt, type Random } from '#lib/runtime';

/** How many runs are looked at in one search, so that a deal costs the same for any artifact. */
const SEARCH_LIMIT = 512;

/**
 * Machines that began together, and which runs were dealt to them. Runs not dealt yet stand in random
 * order, a few that lie together one after the other: what is dealt at a time is then read in stretches,
 * be it from a disk that turns or from a store that is far away.
 */
export class Cohort {
  /** Payload bytes of first and rare copies sent. */
  spent = 0;
  /** Bytes of first and rare copies that are offered and not sent whole. */
  promised = 0;
  /** What may be spent on it, as replicas divided the runs at this version of the division. */
  allowance = 0;
  division = -1;
  /** Runs not dealt that are ours to give, then those that are not, then those that were dealt. */
  readonly #fresh: Uint32Array;
  readonly #position: Uint32Array;
  #freshCount: number;
  #oursCount: number;
  readonly #dealtAt: Float64Array;
  #freshCursor = 0;
  #dealtCursor = 0;

  constructor(
    runCount: number,
    readonly startedAt: number,
    random: Random,
    /** Runs that stay together. */
    together = 1,
  ) {
    const starts = Array.from({ length: Math.ceil(runCount / together) }, (_, at) => at * together);
    for (let last = starts.length - 1; last > 0; last--) {
      const other = randomInt(random, last + 1);
      [starts[last], starts[other]] = [starts[other]!, starts[last]!];
    }
    this.#fresh = new Uint32Array(runCount);
    this.#position = new Uint32Array(runCount);
    this.#freshCount = runCount;
    this.#oursCount = runCount;
    this.#dealtAt = new Float64Array(runCount);
    let place = 0;
    for (const start of starts) {
      const end = Math.min(runCount, start + together);
      for (let run = start; run < end; run++) {
        this.#position[run] = place;
        this.#fresh[place++] = run;
      }
    }
  }

  /** Runs that were dealt to nobody of the cohort. */
  get freshCount(): number {
    return this.#freshCount;
  }

  /** Of the runs not dealt these are ours to give, from now on. @returns those, in their order */
  divide(isOurs: (run: number) => boolean): Uint32Array {
    const fresh = this.#fresh.slice(0, this.#freshCount);
    const ours = fresh.filter((run) => isOurs(run));
    const theirs = fresh.filter((run) => !isOurs(run));
    this.#fresh.set(ours);
    this.#fresh.set(theirs, ours.length);
    this.#oursCount = ours.length;
    for (let at = 0; at < this.#freshCount; at++) this.#position[this.#fresh[at]!] = at;
    return ours;
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
    if (this.#position[run]! < this.#oursCount) this.#swap(this.#position[run]!, --this.#oursCount);
    this.#swap(this.#position[run]!, --this.#freshCount);
  }

  /** The run did not reach the cohort after all: it is ours to give again. */
  giveBack(run: number): void {
    if (this.#position[run]! < this.#freshCount) return;
    this.#swap(this.#position[run]!, this.#freshCount++);
    this.#swap(this.#position[run]!, this.#oursCount++);
  }

  /** A run that was not dealt, is ours to give, and `fits`; -1 when none is found. */
  findFresh(fits: (run: number) => boolean): number {
    const count = this.#oursCount;
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
