import type { IndexRange } from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { CopyBudget, type CopyBudgetOptions, type OfferChange } from '../policy/copy.budget.js';
import { Leisure } from '../policy/copy.leisure.js';
import type { CopyMember, OfferReason } from '../policy/copy.member.js';
import type { PayloadLayout } from '../policy/payload.layout.js';
import { RunHoldings } from '../policy/run.holdings.js';
import { merged } from './have-broadcast.js';
import type { Neighbour } from './neighbour.js';

/** A stranger without a bitfield has nothing; so long it is waited for, milliseconds. */
const BITFIELD_MS = 1000;
/** Machines whose first appearance is remembered, so that a reconnection does not make a new cohort. */
const MOST_MACHINES = 20_000;

/**
 * What an origin does for the fleet: it tells each neighbour only what it may request, as the copy
 * budget says; members by offers, strangers by HAVE (what BEP 16 calls super-seeding).
 */
export class OriginRole {
  readonly budget: CopyBudget;
  readonly #layout: PayloadLayout;
  readonly #waiting = new Set<Neighbour>();
  readonly #neighbours = new Map<CopyMember, Neighbour>();
  readonly #firstSeen = new Map<string, number>();
  /** Of strangers, which keep it for as long as they stay. */
  readonly #leisures = new WeakMap<Neighbour, Leisure>();
  #scheduled: NodeJS.Immediate | null = null;

  constructor(
    layout: PayloadLayout,
    options: CopyBudgetOptions,
    private readonly clock: () => number,
    /** Bytes a second that are sent at present. */
    private readonly rate: () => number,
  ) {
    this.#layout = layout;
    this.budget = new CopyBudget(layout, options);
  }

  /**
   * What a new neighbour is told that we have: nothing, since a bitfield would be an offer of it all. Of
   * a single piece strangers are told at once: a HAVE would make us a seed before the other end is
   * interested, and from such a peer libtorrent parts.
   */
  shown(neighbour: Neighbour, have: Bitfield): Bitfield {
    if (neighbour.connection.isMember || have.size > 1) return new Bitfield(have.size);
    this.#leisureOf(neighbour)!.told.add(0);
    return have;
  }

  attach(neighbour: Neighbour): void {
    if (neighbour.connection.have.none) this.#waiting.add(neighbour);
    else this.#join(neighbour);
  }

  detach(neighbour: Neighbour): void {
    this.#waiting.delete(neighbour);
    const { member } = neighbour;
    if (member === null) return;
    neighbour.member = null;
    this.#neighbours.delete(member);
    this.budget.leave(member, this.clock());
    this.#dealSoon();
  }

  hasNew(neighbour: Neighbour): void {
    this.detach(neighbour);
    this.#join(neighbour);
  }

  gained(neighbour: Neighbour, piece: number): void {
    if (neighbour.member === null) return;
    this.budget.gained(neighbour.member, piece, this.clock());
    this.#dealSoon();
  }

  lost(neighbour: Neighbour, piece: number): void {
    if (neighbour.member !== null) this.budget.lost(neighbour.member, piece);
  }

  /** The neighbour has no use for these runs. */
  declined(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    const { member } = neighbour;
    if (member === null) return;
    for (const { first, count } of runs) {
      const end = Math.min(first + count, this.#layout.runCount);
      for (let run = first; run < end; run++) this.budget.declined(member, run, this.clock());
    }
    this.#dealSoon();
  }

  /** The neighbour wants these runs only; what it was offered besides is taken back. */
  wished(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    const { member } = neighbour;
    if (member === null) return;
    const { runCount } = this.#layout;
    const wishes = runs.filter(({ first }) => first < runCount);
    const taken = this.budget.wish(member, wishes, this.clock());
    if (taken.length > 0) {
      const ranges = merged(taken.map((run) => ({ first: run, count: 1 })));
      neighbour.connection.send!.offer('withdraw', ranges);
    }
    this.#dealSoon();
  }

  /** Why the neighbour may have bytes of a run; null when it may not. */
  reasonFor(neighbour: Neighbour, run: number): OfferReason | null {
    if (neighbour.member) return this.budget.reasonOf(neighbour.member, run);
    // What it has is not known yet, but it was told of a single piece.
    return this.#leisures.get(neighbour)?.told.has(run) ? 'stall' : null;
  }

  accepted(neighbour: Neighbour, run: number): void {
    if (neighbour.member) this.budget.requested(neighbour.member, run, this.clock());
  }

  sent(neighbour: Neighbour, run: number, bytes: number): void {
    if (neighbour.member === null) return;
    this.budget.sent(neighbour.member, run, bytes, this.clock());
    this.#dealSoon();
  }

  /** To be called a few times a second: stalls and unused offers are a matter of time. */
  tick(now: number): void {
    for (const neighbour of this.#waiting) {
      if (now - neighbour.since > BITFIELD_MS) this.#join(neighbour);
    }
    const expired = this.budget.expire(now);
    for (const [neighbour, runs] of this.#byNeighbour(expired)) {
      if (neighbour.connection.isMember) neighbour.connection.send!.offer('withdraw', runs);
    }
    this.deal();
  }

  /** Makes the offers that are due. */
  deal(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    const changes = this.budget.deal(this.rate(), this.clock());
    for (const [neighbour, runs] of this.#byNeighbour(changes)) {
      if (neighbour.connection.isMember) neighbour.connection.send!.offer('offer', runs);
      else for (const { first, count } of runs) this.#reveal(neighbour, first, count);
    }
  }

  close(): void {
    if (this.#scheduled) clearImmediate(this.#scheduled);
    this.#scheduled = null;
  }

  #join(neighbour: Neighbour): void {
    this.#waiting.delete(neighbour);
    const now = this.clock();
    const holdings = new RunHoldings(this.#layout, neighbour.connection.have, null);
    const firstSeen = this.#firstSeenOf(neighbour, now);
    neighbour.member = this.budget.join(holdings, now, firstSeen, this.#leisureOf(neighbour));
    this.#neighbours.set(neighbour.member, neighbour);
    this.#dealSoon();
  }

  #firstSeenOf(neighbour: Neighbour, now: number): number {
    const machine = neighbour.connection.target ?? neighbour.host;
    const known = this.#firstSeen.get(machine);
    if (known !== undefined) return known;
    if (this.#firstSeen.size >= MOST_MACHINES) {
      this.#firstSeen.delete(this.#firstSeen.keys().next().value!);
    }
    this.#firstSeen.set(machine, now);
    return now;
  }

  #dealSoon(): void {
    this.#scheduled ??= setImmediate(() => this.deal());
  }

  /** Null for members, which heed what is taken back. */
  #leisureOf(neighbour: Neighbour): Leisure | null {
    if (neighbour.connection.isMember) return null;
    const leisure = this.#leisures.get(neighbour) ?? new Leisure(this.clock());
    this.#leisures.set(neighbour, leisure);
    return leisure;
  }

  #reveal({ connection }: Neighbour, firstRun: number, count: number): void {
    const { runs } = this.#layout;
    for (let run = firstRun; run < firstRun + count; run++) {
      const first = runs.firstPieceOf(run);
      for (let piece = first; piece < first + runs.pieceCountOf(run); piece++) {
        if (!connection.have.get(piece)) connection.send!.have(piece);
      }
    }
  }

  #byNeighbour(changes: readonly OfferChange[]): Map<Neighbour, IndexRange[]> {
    const grouped = new Map<Neighbour, IndexRange[]>();
    for (const { member, run } of changes) {
      const neighbour = this.#neighbours.get(member)!;
      const runs = grouped.get(neighbour);
      if (runs) runs.push({ first: run, count: 1 });
      else grouped.set(neighbour, [{ first: run, count: 1 }]);
    }
    for (const [neighbour, runs] of grouped) grouped.set(neighbour, merged(runs));
    return grouped;
  }
}
