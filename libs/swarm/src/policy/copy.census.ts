import type { RunHoldings } from './run.holdings.js';

/** Of each run how many connected members hold it, and how many it is offered to. */
export class CopyCensus {
  /** Members that came with everything: they are not counted run by run. */
  #seeds = 0;
  readonly #holders: Uint32Array;
  readonly #offered: Uint16Array;
  readonly #open: Uint16Array;

  constructor(private readonly runCount: number) {
    this.#holders = new Uint32Array(runCount);
    this.#offered = new Uint16Array(runCount);
    this.#open = new Uint16Array(runCount);
  }

  get seeds(): number {
    return this.#seeds;
  }

  /** Members that hold the run, those that came with everything left out. */
  holdersOf(run: number): number {
    return this.#holders[run]!;
  }

  isOffered(run: number): boolean {
    return this.#offered[run]! > 0;
  }

  /** It is offered to somebody to whom it is not wholly sent. */
  isOpen(run: number): boolean {
    return this.#open[run]! > 0;
  }

  /** @returns how many runs the member holds, when it has not got everything */
  joined(holdings: RunHoldings): number {
    if (holdings.all) {
      this.#seeds++;
      return 0;
    }
    return this.#count(holdings, 1);
  }

  left(holdings: RunHoldings): void {
    if (holdings.all) this.#seeds--;
    else this.#count(holdings, -1);
  }

  gained(run: number): void {
    this.#holders[run]!++;
  }

  lost(run: number): void {
    this.#holders[run]!--;
  }

  /** A member that came with everything is about to lose a piece: it is counted run by run from now on. */
  brokeUp(): void {
    this.#seeds--;
    for (let run = 0; run < this.runCount; run++) this.#holders[run]!++;
  }

  /** The run is offered to one more. */
  made(run: number): void {
    this.#offered[run]!++;
    this.#open[run]!++;
  }

  /** An offer was sent whole, or is about to end. */
  settled(run: number): void {
    this.#open[run]!--;
  }

  ended(run: number): void {
    this.#offered[run]!--;
  }

  #count(holdings: RunHoldings, change: 1 | -1): number {
    let held = 0;
    for (let run = 0; run < this.runCount; run++) {
      if (!holdings.holds(run)) continue;
      this.#holders[run]! += change;
      held++;
    }
    return held;
  }
}
