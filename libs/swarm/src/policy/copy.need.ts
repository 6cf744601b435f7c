import type { CopyCensus } from './copy.census.js';
import type { Cohort } from './copy.cohort.js';
import type { CopyDivision } from './copy.division.js';
import type { CopyPace } from './copy.pace.js';
import type { PayloadLayout } from './payload.layout.js';

/** What another replica sees to and does not is seen to here so much later, milliseconds. */
const OTHERS_MS = 5000;
/** So many holders keep a run alive without the origin. */
const ENOUGH_HOLDERS = 2;

export interface CopyNeedOptions {
  /** Copies that reasons first and rare may cost per cohort. */
  readonly copies?: number;
  /** Complete peers that members can reach, and that are not connected to us. */
  readonly seedsElsewhere?: () => number;
  /** Who gives the first copies, where the origin has several replicas. */
  readonly division?: CopyDivision | null;
}

/** Why a run is to be copied to a cohort; null when it is not. */
export type NeedOf = (run: number) => 'first' | 'rare' | null;

/** What a cohort still needs from the origin, within what may be spent on it. Times are milliseconds. */
export class CopyNeed {
  readonly #copies: number;
  readonly #seedsElsewhere: () => number;
  readonly #division: CopyDivision | null;

  constructor(
    private readonly layout: PayloadLayout,
    private readonly census: CopyCensus,
    private readonly pace: CopyPace,
    { copies = 1.2, seedsElsewhere = () => 0, division = null }: CopyNeedOptions,
  ) {
    this.#copies = copies;
    this.#seedsElsewhere = seedsElsewhere;
    this.#division = division;
  }

  get seedsElsewhere(): number {
    return this.#seedsElsewhere();
  }

  /** So few hold the run that it is still for the origin to see to it. */
  isScarce(run: number): boolean {
    return this.census.holdersOf(run) + this.census.seeds + this.seedsElsewhere < ENOUGH_HOLDERS;
  }

  /** Null when nothing is needed, or nothing may be spent any more. */
  of(cohort: Cohort, now: number): NeedOf | null {
    const seeds = this.census.seeds + this.seedsElsewhere;
    const affordable = this.#allowanceOf(cohort) - cohort.spent - cohort.promised;
    if (affordable <= 0 || seeds >= ENOUGH_HOLDERS) return null;
    return (run) => {
      if (this.layout.runs.lengthOf(run) > affordable) return null;
      const holders = this.census.holdersOf(run) + seeds;
      if (holders >= ENOUGH_HOLDERS) return null;
      const isOurs = this.#division?.isOurs(run) ?? true;
      if (cohort.isFresh(run)) return isOurs ? 'first' : null;
      return this.#isRare(run, holders, isOurs, now - cohort.dealtAt(run)) ? 'rare' : null;
    };
  }

  /** It was given, and is lost again, or stays with the one that it was given to. */
  #isRare(run: number, holders: number, isOurs: boolean, sinceMs: number): boolean {
    if (this.census.isOpen(run)) return false;
    if (!isOurs) return sinceMs > this.pace.rareMs + OTHERS_MS;
    return sinceMs > this.pace.rareMs || (holders === 0 && !this.census.isOffered(run));
  }

  /** What may be spent on a cohort in all; of several replicas, each has its part of it. */
  #allowanceOf(cohort: Cohort): number {
    const division = this.#division;
    if (division === null) return this.#copies * this.layout.length;
    if (cohort.division !== division.version) {
      cohort.division = division.version;
      let left = 0;
      for (const run of cohort.divide((each) => division.isOurs(each))) {
        left += this.layout.runs.lengthOf(run);
      }
      cohort.allowance = cohort.spent + cohort.promised + this.#copies * left;
    }
    return cohort.allowance;
  }
}
