/** What runs are computed from; a `PieceMap` is one. */
export interface PieceLengths {
  readonly pieceCount: number;
  readonly pieceLength: number;
  /** Payload bytes of all pieces. */
  readonly totalLength: number;
  lengthOf(piece: number): number;
}

const MIB = 1024 * 1024;
/**
 * An artifact should have no fewer runs than this, so that neighbours have something to swap; and not many
 * more, for each costs a machine about a millisecond of CPU: 40 machines on two cores took 31 s with 512
 * runs, 23 s with 256, while the simulation tells of 1.08 and 1.15 times the bound.
 */
const WANTED_RUNS = 256;

/**
 * The length that a run may have, bytes. With `n` = payload bytes, `p` = piece length and `w` = the
 * smallest power of two with `256 × w ≥ n`: `w`, but not below `p` and not above max(1 MiB, `p`).
 */
export function runLengthOf(totalLength: number, pieceLength: number): number {
  let wanted = 1;
  while (wanted * WANTED_RUNS < totalLength) wanted *= 2;
  return Math.min(Math.max(wanted, pieceLength), Math.max(MIB, pieceLength));
}

/**
 * Cuts the pieces of an artifact into runs: consecutive pieces that members schedule, serve and
 * announce as one. Both ends compute the table from the metainfo alone, so the rule is exact:
 *
 * Pieces are taken in order of their index. The first one opens run 0. Each further piece joins the
 * open run when the payload bytes of that run and of the piece together are at most
 * `runLengthOf(payload bytes of the artifact, piece length)`; else it opens the next run. Payload
 * bytes are v2 bytes: pads never count. So a run crosses files freely, and is never longer than
 * the run length, as no piece is longer than that.
 */
export class RunTable {
  readonly runCount: number;
  /** Bytes that a run may have. */
  readonly runLength: number;
  private readonly runOf: Uint32Array;
  /** First piece of each run, and the piece count at the end. */
  private readonly starts: Uint32Array;
  /** Payload offset of each piece within its run, bytes; below 2^32, as runs are. */
  private readonly offsets: Uint32Array;
  private readonly lengths: Uint32Array;

  constructor(pieces: PieceLengths) {
    const { pieceCount } = pieces;
    this.runLength = runLengthOf(pieces.totalLength, pieces.pieceLength);
    this.runOf = new Uint32Array(pieceCount);
    this.offsets = new Uint32Array(pieceCount);
    const starts: number[] = [];
    const lengths: number[] = [];
    let filled = 0;
    for (let piece = 0; piece < pieceCount; piece++) {
      const length = pieces.lengthOf(piece);
      if (piece === 0 || filled + length > this.runLength) {
        if (piece > 0) lengths.push(filled);
        starts.push(piece);
        filled = 0;
      }
      this.runOf[piece] = starts.length - 1;
      this.offsets[piece] = filled;
      filled += length;
    }
    if (pieceCount > 0) lengths.push(filled);
    this.runCount = starts.length;
    this.starts = Uint32Array.from([...starts, pieceCount]);
    this.lengths = Uint32Array.from(lengths);
  }

  /** The run that a piece belongs to. */
  runOfPiece(piece: number): number {
    return at(this.runOf, piece, 'piece');
  }

  /** Where a piece starts within its run, payload bytes. */
  offsetOfPiece(piece: number): number {
    return at(this.offsets, piece, 'piece');
  }

  firstPieceOf(run: number): number {
    at(this.lengths, run, 'run');
    return this.starts[run]!;
  }

  pieceCountOf(run: number): number {
    return this.starts[run + 1]! - this.firstPieceOf(run);
  }

  /** Payload bytes of a run. */
  lengthOf(run: number): number {
    return at(this.lengths, run, 'run');
  }

  /** The piece that holds the byte at `offset` of a run. */
  pieceAt(run: number, offset: number): number {
    if (offset < 0 || offset >= this.lengthOf(run)) {
      throw new RangeError(`No byte ${offset} in run ${run}`);
    }
    let low = this.firstPieceOf(run);
    let high = this.starts[run + 1]! - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function at(numbers: Uint32Array, index: number, what: string): number {
  const number = numbers[index];
  if (number === undefined) throw new RangeError(`No ${what} ${index}`);
  return number;
}
