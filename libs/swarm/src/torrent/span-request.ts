import type { SpanBuffer } from '../hashing/buffer-pool.js';
import { BLOCK_LENGTH } from '../policy/payload.layout.js';
import type { SpanTable } from '../policy/span.table.js';

/** States of a block; 0 is one that was not asked for. */
const SENT = 1;
const ARRIVED = 2;

/** A block of a span as a stranger is asked for it. */
export interface SpanBlock {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/**
 * One span that one peer was asked for, and the memory it comes into. A member is asked for it as a
 * whole; a stranger for blocks of 16 KiB that lie inside pieces.
 */
export class SpanRequest {
  /** Payload bytes that came. */
  received = 0;
  /** Blocks requested from a stranger that have not come. */
  outstandingBlocks = 0;
  /** Where each block begins in the span, bytes; empty for a member. */
  readonly #blocks: Uint32Array;
  readonly #state: Uint8Array;
  #nextBlock = 0;

  constructor(
    readonly span: number,
    readonly buffer: SpanBuffer,
    readonly askedAt: number,
    private readonly table: SpanTable,
    inBlocks: boolean,
  ) {
    this.#blocks = inBlocks ? Uint32Array.from(blockOffsets(table, span)) : new Uint32Array();
    this.#state = new Uint8Array(this.#blocks.length);
  }

  get length(): number {
    return this.buffer.length;
  }

  get isComplete(): boolean {
    return this.received === this.length;
  }

  /** The next block to ask a stranger for, which then counts as asked for; null when all were. */
  nextBlock(): SpanBlock | null {
    if (this.#nextBlock === this.#blocks.length) return null;
    const index = this.#nextBlock++;
    this.#state[index] = SENT;
    this.outstandingBlocks++;
    return this.#block(index);
  }

  get hasUnsentBlocks(): boolean {
    return this.#nextBlock < this.#blocks.length;
  }

  /** Blocks that were asked for and have not come. */
  *outstanding(): Generator<SpanBlock> {
    for (let index = 0; index < this.#nextBlock; index++) {
      if (this.#state[index] === SENT) yield this.#block(index);
    }
  }

  /**
   * A block begins to come in.
   * @param at where in the span, bytes
   * @returns where its bytes go, or null when it is not one that was asked for
   */
  targetOf(at: number, length: number): Uint8Array | null {
    if (this.#blocks.length === 0) {
      // A member sends a span in one message, or in parts that follow each other.
      const fits = at === this.received && at + length <= this.length;
      return fits ? this.buffer.bytes.subarray(at, at + length) : null;
    }
    const index = this.#indexOf(at);
    if (index < 0 || this.#state[index] !== SENT || this.#lengthOf(index) !== length) return null;
    return this.buffer.bytes.subarray(at, at + length);
  }

  arrived(at: number, length: number): void {
    this.received += length;
    if (this.#blocks.length === 0) return;
    this.#state[this.#indexOf(at)] = ARRIVED;
    this.outstandingBlocks--;
  }

  #block(index: number): SpanBlock {
    const at = this.#blocks[index]!;
    const { layout } = this.table;
    const first = this.table.firstPiece[this.span]!;
    const run = this.table.runOf[this.span]!;
    const inRun = this.table.offsetInRun[this.span]! + at;
    const piece = this.table.isSlice(this.span) ? first : layout.runs.pieceAt(run, inRun);
    return {
      piece,
      begin: inRun - layout.runs.offsetOfPiece(piece),
      length: this.#lengthOf(index),
    };
  }

  #lengthOf(index: number): number {
    return (this.#blocks[index + 1] ?? this.length) - this.#blocks[index]!;
  }

  #indexOf(at: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const begin = this.#blocks[middle]!;
      if (begin === at) return middle;
      if (begin < at) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}

function* blockOffsets(table: SpanTable, span: number): Generator<number> {
  const { pieces } = table.layout;
  const first = table.firstPiece[span]!;
  let at = 0;
  if (table.isSlice(span)) {
    // Slices begin and end at multiples of 16 KiB of their piece, but for the piece's end.
    for (; at < table.length[span]!; at += BLOCK_LENGTH) yield at;
    return;
  }
  for (let piece = first; piece < first + table.pieceCount[span]!; piece++) {
    const length = pieces.lengthOf(piece);
    for (let begin = 0; begin < length; begin += BLOCK_LENGTH) yield at + begin;
    at += length;
  }
}
