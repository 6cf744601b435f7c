import type { PieceLengths, RunTable } from '#lib/torrent';

/** Largest unit of requesting, receiving, hashing and writing, bytes. */
export const SPAN_LENGTH_LIMIT = 1024 * 1024;
/** The only block length that every client serves (BEP 3), bytes. */
export const BLOCK_LENGTH = 16 * 1024;

/**
 * Where runs and pieces lie in the payload. `RunTable` and `PieceMap` of `#lib/torrent` say what they
 * are; this adds payload offsets, which go beyond 2^32 and so cost eight bytes a run, not a piece.
 */
export class PayloadLayout {
  readonly pieceCount: number;
  readonly runCount: number;
  /** Bytes of the whole payload. */
  readonly length: number;
  readonly #runOffsets: Float64Array;

  constructor(
    readonly pieces: PieceLengths,
    readonly runs: RunTable,
  ) {
    this.pieceCount = pieces.pieceCount;
    this.runCount = runs.runCount;
    this.length = pieces.totalLength;
    this.#runOffsets = new Float64Array(runs.runCount);
    let offset = 0;
    for (let run = 0; run < runs.runCount; run++) {
      this.#runOffsets[run] = offset;
      offset += runs.lengthOf(run);
    }
  }

  /** Payload offset of a run, bytes. */
  offsetOfRun(run: number): number {
    return this.#runOffsets[run]!;
  }

  /** Payload offset of a piece, bytes. */
  offsetOfPiece(piece: number): number {
    return this.#runOffsets[this.runs.runOfPiece(piece)]! + this.runs.offsetOfPiece(piece);
  }
}
