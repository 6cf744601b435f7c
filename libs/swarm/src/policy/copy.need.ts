import type { CopyCensus } from './copy.census.js';
import type { Cohort } from './copy.cohort.js';
import type { CopyPace } from './copy.pace.js';
import type { PayloadLayout } from './payload.layout.js';

/** The first copy of a run that another replica was to give is given after this, milliseconds. */
const LONE_MS = 5000;
/** So many holders keep a run alive without the origin. */
const ENOUGH_HOLDERS = 2;

export interface CopyNeedOptions {
  /** Copies that reasons first and rare may cost per cohort. */
  readonly copies?: number;
  /** Complete peers that members can reach, and that are not connected to us. */
  readonly seedsElsewhere?: () => number;
  /** False for runs whose first copy another replica of the origin gives. */
  readonly responsible?: (run: number) => boolean;
}

/** Why a run is to be copied to a cohort; null when it is not. */
export type NeedOf = (run: number) => 'first' | 'rare' | null;

/** What a cohort still needs from the origin, within what may be spent on it. Times are milliseconds. */
export class CopyNeed {
  readonly #copies: number;
  readonly #seedsElsewhere: () => number;
  readonly #responsible: (run: number) => boolean;

  constructor(
    private readonly layout: PayloadLayout,
    private readonly census: CopyCensus,
    private readonly pace: CopyPace,
    { copies = 1.2, seedsElsewhere = () => 0, responsible = () => true }: CopyNeedOptions,
  ) {
    this.#copies = copies;
    this.#seedsElsewhere = seedsElsewhere;
    this.#responsible = responsible;
  }

  get seedsElsewhere(): number {
    return this.#seedsElsewhere();
  }

  /** Null when nothing is needed, or nothing may be spent any more. */
  of(cohort: Cohort, now: number): NeedOf | null {
    const seeds = this.census.seeds + this.seedsElsewhere;
    const affordable = this.#copies * this.layout.length - cohort.spent - cohort.promised;
    if (affordable <= 0 || seeds >= ENOUGH_HOLDERS) return null;
    return (run) => {
      if (this.layout.runs.lengthOf(run) > affordable) return null;
      const holders = this.census.holdersOf(run) + seeds;
      if (holders >= ENOUGH_HOLDERS) return null;
      if (cohort.isFresh(run)) return this.#isOurs(run, cohort, now) ? 'first' : null;
      return this.#isRare(run, holders, cohort.dealtAt(run), now) ? 'rare' : null;
    };
  }

  /** Another replica's runs are left to it for as long as a rare copy waits. */
  #isOurs(run: number, cohort: Cohort, now: number): boolean {
    return this.#responsible(run) || now - cohort.startedAt > LONE_MS;
  }

  /** It was given, and is lost again, or stays with the one that it was given to. */
  #isRare(run: number, holders: number, dealtAt: number, now: number): boolean {
    if (this.census.isOpen(run)) return false;
    return now - dealtAt > this.pace.rareMs || (holders === 0 && !this.census.isOffered(run));
  }
}
