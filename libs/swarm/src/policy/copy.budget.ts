import { randomInt, type Random } from '#lib/runtime';
import type { IndexRange } from '#lib/wire';

import { CopyCensus } from './copy.census.js';
import { Cohort } from './copy.cohort.js';
import { STRETCH_LENGTH, type CopyDivision } from './copy.division.js';
import type { Leisure } from './copy.leisure.js';
import { CopyMember, type Offer, type OfferReason } from './copy.member.js';
import { CopyNeed, type CopyNeedOptions } from './copy.need.js';
import { CopyPace } from './copy.pace.js';
import type { PayloadLayout } from './payload.layout.js';
import type { RunHoldings } from './run.holdings.js';

/** Machines that began within this time are one cohort, milliseconds. */
const COHORT_MS = 60_000;
/** A member that verified nothing for this long is stalled, milliseconds. */
const STALL_MS = 2000;
/** For a member that is slow by nature: this many times its usual time between two runs. */
const STALL_SLACK = 4;
/** Offers that are not delivered yet, over all members, at first. */
const FIRST_OFFERS = 12;
/** Fewer than a member may have waiting in our queue: an offer that is then rejected is none. */
const MOST_OFFERS_EACH = 128;
/** At higher rates offers stand for as much as is sent in this time, milliseconds. */
const OFFERS_AHEAD_MS = 150;
/** An offer that the member did not take up is given to somebody else after this, milliseconds. */
const UNUSED_MS = 5000;
/** The same for one that was requested, but could not be sent. */
const STUCK_MS = 30_000;
/** Where several give first copies: among runs that were dealt already a search is made so often, milliseconds. */
const SEARCH_AGAIN_MS = 50;
/** Offers that a member which depends on us gets ahead at least, once it has shown that it uses them. */
const LEAST_HELP_LIMIT = 16;

export interface CopyBudgetOptions extends CopyNeedOptions {
  readonly random: Random;
}

/** What to tell a member. */
export interface OfferChange {
  readonly member: CopyMember;
  readonly run: number;
  readonly reason: OfferReason;
}

/**
 * Decides which runs an origin lets which member request, so that the fleet gets about one copy from it
 * and makes the rest itself. A run is offered to a member that lacks it
 *
 * - `first`: when it was not dealt to the member's cohort and too few hold it,
 * - `rare`: when it was dealt, but its holders left, or the only one does not pass it on,
 * - `stall`: when the member makes no progress, or has nobody else, whatever that costs.
 *
 * First and rare copies are bounded by a budget per cohort. Offers are made just in time, a few more
 * than are being sent: an early promise would bind a run to a member that others overtake.
 * Times are milliseconds of a monotonic clock.
 */
export class CopyBudget {
  readonly #layout: PayloadLayout;
  readonly #random: Random;
  readonly #members = new Set<CopyMember>();
  readonly #census: CopyCensus;
  readonly #need: CopyNeed;
  #cohorts: Cohort[] = [];
  readonly #usualRun: number;
  readonly #together: number;
  readonly #pace = new CopyPace();
  readonly #division: CopyDivision | null;

  constructor(layout: PayloadLayout, options: CopyBudgetOptions) {
    this.#layout = layout;
    this.#random = options.random;
    this.#census = new CopyCensus(layout.runCount);
    this.#division = options.division ?? null;
    this.#need = new CopyNeed(layout, this.#census, this.#pace, options);
    this.#usualRun = Math.max(1, layout.length / Math.max(1, layout.runCount));
    this.#together = Math.max(1, Math.floor(STRETCH_LENGTH / this.#usualRun));
  }

  get members(): ReadonlySet<CopyMember> {
    return this.#members;
  }

  /**
   * @param firstSeen when the machine was first seen; a machine that reconnects keeps its cohort
   * @param leisure for who asks and tells at leisure; it keeps it when it joins again
   */
  join(
    holdings: RunHoldings,
    now: number,
    firstSeen = now,
    leisure: Leisure | null = null,
  ): CopyMember {
    const member = new CopyMember(holdings, this.#cohortOf(firstSeen), now, leisure);
    this.#members.add(member);
    member.held = this.#census.joined(holdings);
    return member;
  }

  leave(member: CopyMember, now: number): void {
    if (!this.#members.delete(member)) return;
    for (const run of member.offers.keys()) this.#takeBack(member, run, now);
    this.#census.left(member.holdings);
  }

  /** The member announced a piece. */
  gained(member: CopyMember, piece: number, now: number): void {
    const run = member.holdings.gained(piece);
    if (run < 0) return;
    this.#sharedOut(member, run, now);
    this.#census.gained(run);
    member.declined.delete(run);
    const offer = this.#end(member, run, now);
    // Who tells at leisure says nothing about how quickly things come to be of use.
    if (offer !== undefined && offer.sent >= offer.length && !member.leisure) {
      this.#pace.delivered(now - offer.activeAt);
    }
    member.gotRun(offer !== undefined, now);
  }

  /** Of several replicas one gave the first copy of a run: the others have no need to. */
  #sharedOut(member: CopyMember, run: number, now: number): void {
    if (!this.#division) return;
    if (this.#census.holdersOf(run) === 0) {
      this.#division.held(run, this.#census.isOffered(run), now);
    }
    if (member.cohort.isFresh(run)) member.cohort.deal(run, now);
  }

  /** The member withdrew a piece. */
  lost(member: CopyMember, piece: number): void {
    member.declined.delete(this.#layout.runs.runOfPiece(piece));
    if (member.holdings.all) {
      this.#census.brokeUp();
      member.held = this.#layout.runCount;
    }
    const run = member.holdings.lost(piece);
    if (run < 0) return;
    this.#census.lost(run);
    member.held--;
  }

  /** The member has no use for a run that it was offered: it has parts of it, or wants none of it. */
  declined(member: CopyMember, run: number, now: number): void {
    if (!member.offers.has(run) || member.holdings.holds(run)) return;
    this.#takeBack(member, run, now);
    member.declined.add(run);
  }

  /**
   * The member wants these runs only, the first ones first, until it wishes again.
   * @returns runs that it was offered, did not request, and does not wish for: they are taken back
   */
  wish(member: CopyMember, ranges: readonly IndexRange[], now: number): number[] {
    member.wish(ranges, this.#layout.runCount);
    const unwanted = [...member.offers]
      .filter(([run, { requested }]) => !requested && !member.wishes!.has(run))
      .map(([run]) => run);
    for (const run of unwanted) this.#takeBack(member, run, now);
    return unwanted;
  }

  /** Why the member may request the run; null when it may not. */
  reasonOf(member: CopyMember, run: number): OfferReason | null {
    return member.offers.get(run)?.reason ?? (member.knows(run) ? 'stall' : null);
  }

  /** The member requested bytes of the run, and will be served. */
  requested(member: CopyMember, run: number, now: number): void {
    const offer = member.offers.get(run) ?? this.#offerAgain(member, run, now);
    if (offer === undefined) return;
    offer.requested = true;
    offer.activeAt = now;
  }

  /** Payload bytes of the run were sent to the member. */
  sent(member: CopyMember, run: number, bytes: number, now: number): void {
    member.lastSentAt = now;
    member.leisure?.sent(bytes, now);
    const offer = member.offers.get(run);
    if (offer === undefined) return;
    offer.sent += bytes;
    offer.activeAt = now;
    if (offer.reason !== 'stall') member.cohort.spent += bytes;
    if (offer.sent >= offer.length) this.#settle(member, run, now);
  }

  /**
   * The offers to make now. They count as made.
   * @param rate what is sent to all members together, bytes a second
   */
  deal(rate: number, now: number): OfferChange[] {
    const ahead = Math.ceil((rate * OFFERS_AHEAD_MS) / 1000 / this.#usualRun);
    const window = Math.max(FIRST_OFFERS, ahead);
    const changes: OfferChange[] = [];
    let underWay = 0;
    const waiting: CopyMember[] = [];
    let leisure = 0;
    for (const member of this.#members) {
      underWay += member.underWay(now - this.#pace.rareMs);
      if (member.isComplete(this.#layout.runCount)) continue;
      waiting.push(member);
      member.ahead = this.#aheadOf(member, now);
      leisure += member.ahead;
    }
    this.#division?.look(now, waiting.length > 0, (run) => this.#need.isScarce(run));
    const swift = this.#pace.swiftOf(waiting, now);
    const fair = Math.max(2, Math.ceil(window / Math.max(1, waiting.length)));
    this.#spread(swift, fair, window + leisure - underWay, changes, now);
    for (const member of waiting) this.#help(member, window, changes, now);
    return changes;
  }

  /** Offers that were not taken up in time; they count as withdrawn. */
  expire(now: number): OfferChange[] {
    const changes: OfferChange[] = [];
    for (const member of this.#members) {
      for (const [run, { reason, requested, activeAt }] of member.offers) {
        if (now - activeAt < (requested ? STUCK_MS : UNUSED_MS)) continue;
        this.#takeBack(member, run, now);
        changes.push({ member, run, reason });
      }
    }
    return changes;
  }

  /** First and rare copies: always to the member that was promised least, and of these has least. */
  #spread(
    waiting: readonly CopyMember[],
    fair: number,
    room: number,
    changes: OfferChange[],
    now: number,
  ): void {
    const candidates = new Set(waiting);
    for (let left = room; left > 0 && candidates.size > 0; left--) {
      const member = this.#leastPromised(candidates);
      const share = Math.min(MOST_OFFERS_EACH, Math.max(fair, member.ahead));
      const offer = member.open < share ? this.#copyFor(member, now) : null;
      if (offer === null) {
        candidates.delete(member);
        left++;
        continue;
      }
      changes.push(this.#make(member, offer.run, offer.reason, now));
    }
  }

  #leastPromised(candidates: ReadonlySet<CopyMember>): CopyMember {
    let best: CopyMember | null = null;
    let ties = 0;
    for (const member of candidates) {
      const order =
        best === null ? -1 : member.offers.size - best.offers.size || member.held - best.held;
      if (order > 0) continue;
      ties = order < 0 ? 1 : ties + 1;
      if (order < 0 || randomInt(this.#random, ties) === 0) best = member;
    }
    return best!;
  }

  #copyFor(member: CopyMember, now: number): { run: number; reason: OfferReason } | null {
    const need = this.#need.of(member.cohort, now);
    if (need === null) return null;
    const fits = (run: number) => member.lacks(run) && need(run) !== null;
    // A replica that has dealt all that is its own to give waits for the others.
    const again = !this.#division || now - member.searchedAt >= SEARCH_AGAIN_MS;
    const run = member.find(fits, again);
    if (run < 0 && again) member.searchedAt = now;
    return run < 0 ? null : { run, reason: need(run)! };
  }

  /**
   * Runs for a member that stands still. As long as nobody else gives it any it is not made to wait
   * again, and gets more and more ahead: it may be that it can reach nobody but us.
   */
  #help(member: CopyMember, window: number, changes: OfferChange[], now: number): void {
    // A lone machine has nobody to wait for: whatever the budget is, its next run comes from us.
    const isAlone = this.#members.size === 1 && this.#need.seedsElsewhere === 0;
    const patience = isAlone ? 0 : Math.max(STALL_MS, STALL_SLACK * member.usualMs);
    const stalled = now - Math.max(member.progressAt, member.lastSentAt) >= patience;
    const waits = member.dependent
      ? member.open > member.helped / 2
      : !stalled || member.underWay(now - this.#pace.rareMs) > 0;
    if (waits) return;
    const most = Math.min(MOST_OFFERS_EACH, Math.max(LEAST_HELP_LIMIT, window, member.ahead));
    // What is given at leisure grows by leaps: each step takes a second, and an idle one takes ten.
    const atOnce = isAlone || member.dependent ? member.ahead : 0;
    member.helped = Math.min(most, Math.max(2, member.helped * 2, atOnce));
    for (const run of member.wishes ?? this.#lackedBy(member)) {
      if (member.open >= member.helped) return;
      if (member.lacks(run)) changes.push(this.#make(member, run, 'stall', now));
    }
  }

  /** From a random one on; what other replicas give comes last, so that help of several differs. */
  #lackedBy(member: CopyMember): Iterable<number> {
    const { runCount } = this.#layout;
    const isOurs = (run: number) => this.#division?.isOurs(run) ?? true;
    return member.lacked(runCount, randomInt(this.#random, runCount), isOurs);
  }

  /** What a member was told of for good, and did not take up in time, it requests after all. */
  #offerAgain(member: CopyMember, run: number, now: number): Offer | undefined {
    if (!member.knows(run) || member.holdings.holds(run)) return undefined;
    this.#make(member, run, this.#need.of(member.cohort, now)?.(run) ?? 'stall', now);
    return member.offers.get(run);
  }

  /** Runs; no more than may wait, and none for who heeds what is taken back. */
  #aheadOf({ leisure }: CopyMember, now: number): number {
    if (leisure === null) return 0;
    return Math.min(MOST_OFFERS_EACH, Math.ceil(leisure.aheadBytes(now) / this.#usualRun));
  }

  #make(member: CopyMember, run: number, reason: OfferReason, now: number): OfferChange {
    const length = this.#layout.runs.lengthOf(run);
    member.offers.set(run, {
      reason,
      length,
      activeAt: now,
      requested: false,
      sent: 0,
      open: true,
    });
    member.leisure?.told.add(run);
    member.open++;
    member.dealt++;
    this.#census.made(run);
    if (reason !== 'stall') {
      member.cohort.promised += length;
      member.cohort.deal(run, now);
    }
    return { member, run, reason };
  }

  /** The offer was sent whole: it no longer takes up room, and ends when the member has the run. */
  #settle(member: CopyMember, run: number, now: number): void {
    const offer = member.offers.get(run);
    if (offer === undefined || !offer.open) return;
    offer.open = false;
    member.open--;
    this.#census.settled(run);
    if (offer.reason === 'stall') return;
    member.cohort.promised -= offer.length;
    member.cohort.deal(run, now);
  }

  #end(member: CopyMember, run: number, now: number): Offer | undefined {
    const offer = member.offers.get(run);
    if (offer === undefined) return undefined;
    this.#settle(member, run, now);
    member.offers.delete(run);
    this.#census.ended(run);
    return offer;
  }

  #takeBack(member: CopyMember, run: number, now: number): void {
    const offer = this.#end(member, run, now);
    // The cohort is still without the run, unless it was sent whole.
    if (offer !== undefined && offer.reason !== 'stall' && offer.sent < offer.length) {
      member.cohort.giveBack(run);
    }
  }

  #cohortOf(firstSeen: number): Cohort {
    let cohort = this.#cohorts.find(
      ({ startedAt }) => firstSeen >= startedAt && firstSeen - startedAt < COHORT_MS,
    );
    if (cohort === undefined) {
      cohort = new Cohort(this.#layout.runCount, firstSeen, this.#random, this.#together);
      this.#division?.begins(firstSeen);
      this.#cohorts = [...this.#cohorts.filter((other) => this.#isAlive(other, firstSeen)), cohort];
    }
    return cohort;
  }

  #isAlive(cohort: Cohort, now: number): boolean {
    if (now - cohort.startedAt < COHORT_MS) return true;
    for (const member of this.#members) if (member.cohort === cohort) return true;
    return false;
  }
}
