import type { IndexRange } from '#lib/wire';

import type { Cohort } from './copy.cohort.js';
import type { Leisure } from './copy.leisure.js';
import type { RunHoldings } from './run.holdings.js';

/** Why the origin gives bytes. */
export type OfferReason = 'first' | 'rare' | 'stall';

/** A run that a member may request. */
export interface Offer {
  readonly reason: OfferReason;
  readonly length: number;
  /** When it was made, requested, or last sent on. */
  activeAt: number;
  requested: boolean;
  /** Payload bytes sent on it. */
  sent: number;
  /** False once it was sent whole: it no longer takes up room, and ends when the member has the run. */
  open: boolean;
}

/** Weight of the newest interval in the average. */
const NEWEST = 0.2;

/** One machine as the copy budget sees it. Changed by the budget alone. */
export class CopyMember {
  readonly offers = new Map<number, Offer>();
  /** Runs that it lacks, and does not want. */
  readonly declined = new Set<number>();
  /** What it wants of the runs that it lacks, in its order; null: all of them. */
  wishes: ReadonlySet<number> | null = null;
  /** Offers that are not sent whole. */
  open = 0;
  /** Offers ever made to it. */
  dealt = 0;
  /** Runs it holds. */
  held = 0;
  /** Offers that it is to have at a time whatever the others get, as of the last deal; 0 for most. */
  ahead = 0;
  /** Runs of help that it got at the last stall, since anybody else gave it anything. */
  helped = 0;
  /** When nothing was found for it among the runs that were dealt. */
  searchedAt = -Infinity;
  progressAt: number;
  lastSentAt = -Infinity;
  /** Usual time between two runs, milliseconds; 0 while unknown. */
  usualMs = 0;

  constructor(
    readonly holdings: RunHoldings,
    readonly cohort: Cohort,
    now: number,
    /** Null for who asks and tells at once, and heeds what is taken back. */
    readonly leisure: Leisure | null = null,
  ) {
    this.progressAt = now;
  }

  /** It was helped, and since then nobody else gave it anything: it is not made to wait again. */
  get dependent(): boolean {
    return this.helped > 0;
  }

  /**
   * Offers that it is yet to make something of, those last sent on before `since` left out. What the
   * system took is still to be delivered, and the more is sent at once the later any of it arrives. Who asks
   * at leisure also tells at leisure: for it, what was sent counts as delivered, or it would run dry, and a
   * client that has nothing to ask for may take ten seconds to look again.
   */
  underWay(since: number): number {
    if (this.leisure) return this.open;
    let count = 0;
    for (const { open, activeAt } of this.offers.values()) if (open || activeAt > since) count++;
    return count;
  }

  /** There is nothing left to offer to it. */
  isComplete(runCount: number): boolean {
    if (this.wishes) return !this.#wantsAny();
    if (this.leisure?.told.size === runCount) return true;
    return this.holdings.all || this.held + this.declined.size >= runCount;
  }

  /** It wants these runs only, among `runCount`; what it declined before it may wish for now. */
  wish(ranges: readonly IndexRange[], runCount: number): void {
    const wishes = new Set<number>();
    for (const { first, count } of ranges) {
      const end = Math.min(first + count, runCount);
      for (let run = first; run < end; run++) wishes.add(run);
    }
    for (const run of wishes) this.declined.delete(run);
    this.wishes = wishes;
  }

  /** It was told for good that it may request the run. */
  knows(run: number): boolean {
    return this.leisure?.told.has(run) ?? false;
  }

  /** It could use an offer of the run. */
  lacks(run: number): boolean {
    if (this.holdings.holds(run) || this.offers.has(run) || this.knows(run)) return false;
    return !this.declined.has(run) && (this.wishes?.has(run) ?? true);
  }

  /**
   * The runs among `runCount` that it could use an offer of, from `start` on and round; those that are ours first.
   * What it cannot use any more is not looked for: a crowd that lacks nothing but what it was offered
   * would be gone through run by run again and again.
   */
  *lacked(
    runCount: number,
    start: number,
    isOurs: (run: number) => boolean,
  ): Generator<number, void, undefined> {
    // No run is in two of these.
    let left = runCount - this.held - this.declined.size - this.offers.size;
    let others = 0;
    for (let step = 0; left > 0 && step < runCount; step++) {
      const run = (start + step) % runCount;
      if (!this.lacks(run)) continue;
      left--;
      if (isOurs(run)) yield run;
      else others++;
    }
    for (let step = 0; others > 0 && step < runCount; step++) {
      const run = (start + step) % runCount;
      if (!this.lacks(run) || isOurs(run)) continue;
      others--;
      yield run;
    }
  }

  /**
   * A run that `fits`: of its wishes the first one, else rather one that was not dealt yet; -1: none.
   * @param alsoDealt whether to look among those that were dealt
   */
  find(fits: (run: number) => boolean, alsoDealt: boolean): number {
    if (this.wishes === null) {
      const fresh = this.cohort.findFresh(fits);
      return fresh >= 0 || !alsoDealt ? fresh : this.cohort.findDealt(fits);
    }
    for (const run of this.wishes) if (fits(run)) return run;
    return -1;
  }

  /** It got a run. @param offered whether we had offered it */
  gotRun(offered: boolean, now: number): void {
    this.held++;
    if (!offered) this.helped = 0;
    const interval = now - this.progressAt;
    this.usualMs =
      this.usualMs === 0 ? interval : this.usualMs + NEWEST * (interval - this.usualMs);
    this.progressAt = now;
  }

  #wantsAny(): boolean {
    for (const run of this.wishes!) if (!this.holdings.holds(run)) return true;
    return false;
  }
}
