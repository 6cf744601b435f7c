import { randomInt, type Random } from '#lib/runtime';

/** From this many holders on, runs count as equally common. */
const LEVELS = 64;
/** Runs that nothing is to be requested of stand behind all others. */
const CLOSED = LEVELS;

/**
 * All runs in order of rarity, equals in random order. One array holds the runs grouped by the number
 * of peers that hold them; a change of one holder is a swap to the border of the group and a shift of
 * the border, so it costs the same however many runs there are.
 */
export class RarityBuckets {
  readonly #order: Uint32Array;
  readonly #position: Uint32Array;
  readonly #holders: Uint32Array;
  readonly #level: Uint8Array;
  /** Where each level begins in `#order`; one more entry for the end. */
  readonly #starts = new Uint32Array(LEVELS + 2);
  readonly #random: Random;

  /** All runs begin without holders, and closed. */
  constructor(runCount: number, random: Random) {
    this.#random = random;
    this.#order = Uint32Array.from({ length: runCount }, (_, run) => run);
    this.#position = this.#order.slice();
    this.#holders = new Uint32Array(runCount);
    this.#level = new Uint8Array(runCount).fill(CLOSED);
    this.#starts[CLOSED + 1] = runCount;
  }

  /** How many runs are open. */
  get openCount(): number {
    return this.#starts[CLOSED]!;
  }

  /** The open run at `index`, the rarest first. */
  at(index: number): number {
    return this.#order[index]!;
  }

  isOpen(run: number): boolean {
    return this.#level[run] !== CLOSED;
  }

  holdersOf(run: number): number {
    return this.#holders[run]!;
  }

  open(run: number): void {
    if (!this.isOpen(run)) this.#move(run, Math.min(this.#holders[run]!, LEVELS - 1));
  }

  close(run: number): void {
    this.#move(run, CLOSED);
  }

  holderCame(run: number): void {
    const holders = ++this.#holders[run]!;
    if (this.isOpen(run) && holders < LEVELS) this.#move(run, holders);
  }

  holderLeft(run: number): void {
    const holders = --this.#holders[run]!;
    if (this.isOpen(run) && holders < LEVELS - 1) this.#move(run, holders);
  }

  #move(run: number, to: number): void {
    let level = this.#level[run]!;
    if (level === to) return;
    for (; level < to; level++) {
      this.#starts[level + 1]!--;
      this.#swap(this.#position[run]!, this.#starts[level + 1]!);
    }
    for (; level > to; level--) {
      this.#swap(this.#position[run]!, this.#starts[level]!);
      this.#starts[level]!++;
    }
    this.#level[run] = to;
    if (to === CLOSED) return;
    // A run that came in at the border would stand there for long, as with all hosts of a flash crowd.
    const first = this.#starts[to]!;
    this.#swap(
      this.#position[run]!,
      first + randomInt(this.#random, this.#starts[to + 1]! - first),
    );
  }

  #swap(left: number, right: number): void {
    const a = this.#order[left]!;
    const b = this.#order[right]!;
    this.#order[left] = b;
    this.#order[right] = a;
    this.#position[b] = left;
    this.#position[a] = right;
  }
}
