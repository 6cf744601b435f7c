import { randomInt, type Random } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import type { CopyBudget } from './copy.budget.js';
import { Leisure } from './copy.leisure.js';
import type { CopyMember } from './copy.member.js';
import type { PayloadLayout } from './payload.layout.js';
import { RunHoldings } from './run.holdings.js';

/** Between two looks for something to ask for, and between two for whether it wants anything at all. */
const LOOK_MS = 1000;
const INTEREST_MS = 10_000;
/** Each time it asks for so many times what came since the last look, within these bounds, bytes. */
const GROWTH = 6;
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 2000 * 16 * 1024;

export interface ClientWays {
  /** Its first look for whether it wants anything, milliseconds. */
  readonly firstInterestMs: number;
  /** From having a run to telling it; until then it does not look either, since it is busy. */
  readonly busyMs: number;
  /** It knows of every run from the beginning. */
  readonly knowsAll?: boolean;
}

/** Transmission 3.00 towards one peer, as seen on the wire, in virtual time. One run is one piece. */
export class LeisurelyClient {
  readonly member: CopyMember;
  readonly asked: number[] = [];
  /** Bytes of the first one of `asked` that are sent. */
  sentOfFirst = 0;
  completeAt: number | null = null;
  /** Looks that found nothing wanted, though something lacked, since the first that did. */
  idleLooks = 0;
  readonly #leisure: Leisure;
  readonly #lacking: Set<number>;
  readonly #requested = new Set<number>();
  #untold: number[] = [];
  #interested = false;
  #cameBytes = 0;
  #lookAt = 0;
  #interestAt: number;

  constructor(
    private readonly budget: CopyBudget,
    private readonly layout: PayloadLayout,
    private readonly random: Random,
    private readonly ways: ClientWays,
    now: number,
  ) {
    this.#leisure = new Leisure(now);
    const holdings = new RunHoldings(layout, new Bitfield(layout.pieceCount), null);
    this.member = budget.join(holdings, now, now, this.#leisure);
    this.#lacking = new Set(Array.from({ length: layout.runCount }, (_, run) => run));
    if (ways.knowsAll) for (const run of this.#lacking) this.#leisure.told.add(run);
    this.#interestAt = now + ways.firstInterestMs;
    this.#lookAt = now;
  }

  came(run: number, now: number): void {
    this.#lacking.delete(run);
    this.#untold.push(run);
    this.#cameBytes += this.layout.runs.lengthOf(run);
    if (this.#lacking.size === 0) this.completeAt = now;
    this.#lookAt = Math.max(this.#lookAt, now + this.ways.busyMs);
  }

  tick(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    for (const run of this.#untold) this.budget.gained(this.member, run, now);
    this.#untold = [];
    const known = [...this.#leisure.told].filter((run) => this.#lacking.has(run));
    if (now >= this.#interestAt) {
      this.#interestAt = now + INTEREST_MS;
      if (this.#interested && known.length === 0 && this.#lacking.size > 0) this.idleLooks++;
      this.#interested = known.length > 0;
    }
    if (this.#interested) this.#ask(known, now);
  }

  #ask(known: readonly number[], now: number): void {
    let bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, GROWTH * this.#cameBytes));
    this.#cameBytes = 0;
    const open = known.filter((run) => !this.#requested.has(run));
    while (bytes > 0 && open.length > 0) {
      const [run] = open.splice(randomInt(this.random, open.length), 1);
      bytes -= this.layout.runs.lengthOf(run!);
      this.#requested.add(run!);
      this.asked.push(run!);
      this.budget.requested(this.member, run!, now);
    }
  }
}
