import type { Bitfield } from '../bitfield.js';
import { SPAN_LENGTH_LIMIT, type PayloadLayout } from './payload.layout.js';

type AddSpan = (run: number, piece: number, pieces: number, at: number, bytes: number) => void;

/**
 * The spans of what is missing when a download starts: consecutive missing pieces of one run, or
 * slices of a piece that is larger than a span. Spans are numbered from 0 in payload order; all facts
 * are in typed arrays, because an artifact of terabytes has a million of them.
 */
export class SpanTable {
  readonly spanCount: number;
  readonly runOf: Uint32Array;
  /** First piece that the span has bytes of. */
  readonly firstPiece: Uint32Array;
  /** Pieces that the span has bytes of; 1 for a slice. */
  readonly pieceCount: Uint32Array;
  /** Where the span begins in its run, bytes. */
  readonly offsetInRun: Uint32Array;
  /** Bytes, at most {@link SPAN_LENGTH_LIMIT}. */
  readonly length: Uint32Array;
  /** Missing pieces of each run. */
  readonly missingInRun: Uint32Array;
  /** First span of each run, and the span count at the end. */
  readonly #firstOfRun: Uint32Array;

  /**
   * @param have pieces that are there already
   * @param wanted pieces to download; all of them when left out
   */
  constructor(
    readonly layout: PayloadLayout,
    have: Bitfield,
    wanted?: Bitfield,
  ) {
    const { runs } = layout;
    const facts: number[][] = [[], [], [], [], []];
    const [run, firstPiece, pieceCount, offset, length] = facts as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    const add: AddSpan = (r, piece, pieces, at, bytes) => {
      run.push(r);
      firstPiece.push(piece);
      pieceCount.push(pieces);
      offset.push(at);
      length.push(bytes);
    };
    this.#firstOfRun = new Uint32Array(layout.runCount + 1);
    this.missingInRun = new Uint32Array(layout.runCount);
    for (let r = 0; r < layout.runCount; r++) {
      this.#firstOfRun[r] = run.length;
      const first = runs.firstPieceOf(r);
      const end = first + runs.pieceCountOf(r);
      let open = -1;
      for (let piece = first; piece <= end; piece++) {
        const missing = piece < end && !have.get(piece) && (wanted?.get(piece) ?? true);
        if (missing) {
          this.missingInRun[r]!++;
          if (open < 0) open = piece;
        } else if (open >= 0) {
          this.#addPieces(r, open, piece, add);
          open = -1;
        }
      }
    }
    this.#firstOfRun[layout.runCount] = run.length;
    this.spanCount = run.length;
    this.runOf = Uint32Array.from(run);
    this.firstPiece = Uint32Array.from(firstPiece);
    this.pieceCount = Uint32Array.from(pieceCount);
    this.offsetInRun = Uint32Array.from(offset);
    this.length = Uint32Array.from(length);
  }

  /** First span of a run; the spans of a run are consecutive. */
  firstSpanOf(run: number): number {
    return this.#firstOfRun[run]!;
  }

  /** One past the last span of a run; equal to the first when nothing of the run is missing. */
  endSpanOf(run: number): number {
    return this.#firstOfRun[run + 1]!;
  }

  /** Whether anything of the run is missing. */
  isPart(run: number): boolean {
    return this.missingInRun[run]! > 0;
  }

  /** Where the span begins in the payload, bytes. */
  payloadOffset(span: number): number {
    return this.layout.offsetOfRun(this.runOf[span]!) + this.offsetInRun[span]!;
  }

  /** True when the span is only a part of its piece. */
  isSlice(span: number): boolean {
    return this.length[span]! < this.layout.pieces.lengthOf(this.firstPiece[span]!);
  }

  /** The span that has the byte at `offset` of a run; -1 when that byte was not missing. */
  spanAt(run: number, offset: number): number {
    let low = this.firstSpanOf(run);
    let high = this.endSpanOf(run) - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const begin = this.offsetInRun[middle]!;
      if (offset < begin) high = middle - 1;
      else if (offset >= begin + this.length[middle]!) low = middle + 1;
      else return middle;
    }
    return -1;
  }

  /** The spans that have bytes of a piece: [first, end); both -1 when it was not missing. */
  spansOfPiece(piece: number): [first: number, end: number] {
    const { runs, pieces } = this.layout;
    const run = runs.runOfPiece(piece);
    const offset = runs.offsetOfPiece(piece);
    const first = this.spanAt(run, offset);
    if (first < 0) return [-1, -1];
    return [first, this.spanAt(run, offset + pieces.lengthOf(piece) - 1) + 1];
  }

  /** Missing pieces [first, end) of a run: together up to a span, and large ones in slices. */
  #addPieces(run: number, first: number, end: number, add: AddSpan): void {
    const { runs, pieces } = this.layout;
    let begin = first;
    let bytes = 0;
    for (let piece = first; piece < end; piece++) {
      const length = pieces.lengthOf(piece);
      if (bytes > 0 && bytes + length > SPAN_LENGTH_LIMIT) {
        add(run, begin, piece - begin, runs.offsetOfPiece(begin), bytes);
        bytes = 0;
      }
      if (bytes === 0) begin = piece;
      if (length > SPAN_LENGTH_LIMIT) this.#addSlices(run, piece, add);
      else bytes += length;
    }
    if (bytes > 0) add(run, begin, end - begin, runs.offsetOfPiece(begin), bytes);
  }

  #addSlices(run: number, piece: number, add: AddSpan): void {
    const begin = this.layout.runs.offsetOfPiece(piece);
    const length = this.layout.pieces.lengthOf(piece);
    for (let at = 0; at < length; at += SPAN_LENGTH_LIMIT) {
      add(run, piece, 1, begin + at, Math.min(SPAN_LENGTH_LIMIT, length - at));
    }
  }
}
