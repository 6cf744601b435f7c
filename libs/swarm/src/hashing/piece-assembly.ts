const HASH = 32;
const BLOCK = 16_384;
/** Failed rounds whose evidence is kept; each costs 32 bytes a block. */
const MAX_ROUNDS = 8;

interface Round<S> {
  readonly leaves: Buffer;
  /** Who sent each block; undefined for what came from our own disk, and for what is lacking. */
  readonly senders: (S | undefined)[];
}

export type PieceVerdict<S> =
  | { readonly right: true; readonly culprits: readonly S[] }
  | { readonly right: false; readonly culprits: readonly S[] };

/**
 * Collects the leaf hashes of one piece that is longer than a span, as its spans arrive in any order,
 * and traces who sent something wrong.
 *
 * When the root of all leaves is wrong the whole piece is fetched again, and who sent which leaf is
 * remembered. Once a round is right, its leaves are the true ones, and whoever sent others before is
 * a culprit. A piece that was wrong and came from one sender alone gives its culprit at once.
 */
export class PieceAssembly<S> {
  readonly #expected: Buffer;
  readonly #blocks: number;
  readonly #failed: Round<S>[] = [];
  #round: Round<S>;
  #present: Uint8Array;
  #lacking: number;

  /**
   * @param length of the piece, bytes
   * @param paddedLeaves of its tree, pads counted
   * @param expected its root, 32 bytes
   */
  constructor(
    readonly piece: number,
    readonly length: number,
    readonly paddedLeaves: number,
    expected: Uint8Array,
  ) {
    this.#expected = Buffer.from(expected);
    this.#blocks = Math.ceil(length / BLOCK);
    this.#present = new Uint8Array(this.#blocks);
    this.#lacking = this.#blocks;
    this.#round = this.#newRound();
  }

  /** Whether all leaves of the piece are there. */
  get complete(): boolean {
    return this.#lacking === 0;
  }

  /** The leaves of the piece, 32 bytes each, of which some are zeros until it is complete. */
  get leaves(): Buffer {
    return this.#round.leaves;
  }

  /**
   * @param offset in the piece, bytes; a multiple of 16 KiB
   * @param leaves of the blocks from there on, 32 bytes each
   * @param sender whoever sent these bytes; undefined when they were on disk already
   */
  add(offset: number, leaves: Uint8Array, sender: S | undefined): void {
    const first = offset / BLOCK;
    const count = leaves.length / HASH;
    if (!Number.isInteger(first) || first < 0 || first + count > this.#blocks) {
      throw new RangeError(`No ${count} blocks at ${offset} in a piece of ${this.length} bytes.`);
    }
    this.#round.leaves.set(leaves, first * HASH);
    for (let block = first; block < first + count; block++) {
      this.#round.senders[block] = sender;
      if (this.#present[block] === 0) this.#lacking--;
      this.#present[block] = 1;
    }
  }

  /**
   * Judges a complete piece by the root of its leaves (padded to `paddedLeaves`). When it is wrong
   * the assembly begins anew and all spans are to be fetched again.
   */
  conclude(root: Uint8Array): PieceVerdict<S> {
    if (!this.complete) throw new Error(`Piece ${this.piece} is not complete.`);
    if (this.#expected.equals(root)) return { right: true, culprits: this.#culprits() };
    const [only, ...others] = new Set(this.#round.senders);
    if (this.#failed.length === MAX_ROUNDS) this.#failed.shift();
    this.#failed.push(this.#round);
    this.#round = this.#newRound();
    this.#present = new Uint8Array(this.#blocks);
    this.#lacking = this.#blocks;
    return { right: false, culprits: only !== undefined && others.length === 0 ? [only] : [] };
  }

  #culprits(): S[] {
    const culprits = new Set<S>();
    for (const { leaves, senders } of this.#failed) {
      for (const [block, sender] of senders.entries()) {
        const at = block * HASH;
        if (sender === undefined || culprits.has(sender)) continue;
        if (leaves.compare(this.#round.leaves, at, at + HASH, at, at + HASH) !== 0) {
          culprits.add(sender);
        }
      }
    }
    return [...culprits];
  }

  #newRound(): Round<S> {
    const senders = Array.from<S | undefined>({ length: this.#blocks }).fill(undefined);
    return { leaves: Buffer.alloc(this.#blocks * HASH), senders };
  }
}
