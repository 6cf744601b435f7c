import type { FleetseedError } from '#lib/contracts';
import { toFleetseedError } from '#lib/contracts';
import type { PieceMap } from '#lib/torrent';

import type { PayloadStore } from '../disk/payload-store.js';
import { PieceAssembly } from '../hashing/piece-assembly.js';
import { cutOfPart, cutOfPieces, wrongPieces } from '../hashing/piece-verdicts.js';
import type { SpanHasher } from '../hashing/span-hasher.js';
import type { SpanTable } from '../policy/span.table.js';
import type { SpanArrival } from './downloader.js';
import type { Sender } from './neighbour.js';

/** What is told about spans, in the end exactly one of these for each that arrived. */
export interface Verdicts {
  /** All pieces of these spans are right and written. `arrival` is the one that made it so. */
  right(spans: readonly VerifiedSpan[], arrival: SpanArrival): void;
  /** A part of a larger piece is written, of which more is lacking. */
  kept(): void;
  /** Bytes were wrong; nothing of these spans is kept. Nobody is named while it is not known who. */
  wrong(spans: readonly number[], culprits: readonly Sender[]): void;
  /** A culprit of an earlier round was found out when the piece turned out right. */
  convicted(culprits: readonly Sender[]): void;
  /** It could not be hashed or written, through no fault of the sender. */
  unwritten(span: number, error: FleetseedError): void;
}

export interface VerifiedSpan {
  readonly span: number;
  readonly sender: Sender;
}

/** A piece that is larger than a span, while its spans arrive. */
interface LargePiece {
  readonly assembly: PieceAssembly<Sender>;
  written: VerifiedSpan[];
}

export interface SpanVerifierOptions {
  readonly table: SpanTable;
  readonly pieces: PieceMap;
  readonly store: PayloadStore;
  readonly hasher: SpanHasher;
  readonly verdicts: Verdicts;
}

/**
 * What happens to a span once its bytes are there: it is hashed, judged and written. Spans of whole
 * pieces are judged before they are written. A part of a larger piece is written unjudged, since
 * memory does not hold the piece; the piece counts only when its root is right, and if it is not, all
 * its spans are fetched again and compared leaf by leaf to find out who sent wrong ones.
 */
export class SpanVerifier {
  readonly #options: SpanVerifierOptions;
  readonly #large = new Map<number, LargePiece>();
  #closed = false;
  #pending = 0;

  constructor(options: SpanVerifierOptions) {
    this.#options = options;
  }

  /** Spans that are being hashed and written. */
  get pending(): number {
    return this.#pending;
  }

  /** Takes over the buffer of the arrival; of a span that is right it goes on to `right`. */
  submit(arrival: SpanArrival): void {
    const { table, verdicts } = this.#options;
    const { span, buffer } = arrival;
    this.#pending++;
    const judging = table.isSlice(span) ? this.#judgePart(arrival) : this.#judgePieces(arrival);
    judging.then(
      (verdict) => {
        if (this.#closed) buffer.release();
        this.#tell(verdict);
      },
      (error: unknown) => {
        buffer.release();
        this.#tell(() => verdicts.unwritten(span, toFleetseedError(error)));
      },
    );
  }

  /** No verdict is told from now on. What is being hashed is let go when the hasher is done with it. */
  close(): void {
    this.#closed = true;
  }

  #tell(verdict: () => void): void {
    this.#pending--;
    if (!this.#closed) verdict();
  }

  async #judgePieces(arrival: SpanArrival): Promise<() => void> {
    const { table, pieces, store, hasher, verdicts } = this.#options;
    const { span, buffer, sender } = arrival;
    const first = table.firstPiece[span]!;
    const cut = cutOfPieces(pieces, first, table.pieceCount[span]!);
    const { roots } = await hasher.hashSpan(buffer.bytes, cut);
    const right = wrongPieces(pieces, first, roots).length === 0;
    if (right && !this.#closed) await store.write(table.payloadOffset(span), buffer.bytes);
    if (right) return () => verdicts.right([{ span, sender }], arrival);
    buffer.release();
    return () => verdicts.wrong([span], [sender]);
  }

  async #judgePart(arrival: SpanArrival): Promise<() => void> {
    const { table, store, hasher, verdicts } = this.#options;
    const { span, buffer, sender } = arrival;
    const piece = table.firstPiece[span]!;
    const { leaves } = await hasher.hashSpan(buffer.bytes, cutOfPart(buffer.length));
    if (!this.#closed) await store.write(table.payloadOffset(span), buffer.bytes);
    const large = this.#largePiece(piece);
    const offset = table.offsetInRun[span]! - table.layout.runs.offsetOfPiece(piece);
    large.assembly.add(offset, leaves, sender);
    large.written.push({ span, sender });
    if (large.assembly.complete && !this.#closed) return this.#judgeLarge(piece, large, arrival);
    buffer.release();
    return () => verdicts.kept();
  }

  async #judgeLarge(piece: number, large: LargePiece, arrival: SpanArrival): Promise<() => void> {
    const { hasher, verdicts } = this.#options;
    const { assembly, written } = large;
    const root = await hasher.merkleRoot(assembly.leaves, assembly.paddedLeaves);
    const { right, culprits } = assembly.conclude(root);
    large.written = [];
    if (right) {
      this.#large.delete(piece);
      return () => {
        verdicts.right(written, arrival);
        if (culprits.length > 0) verdicts.convicted(culprits);
      };
    }
    arrival.buffer.release();
    const spans = written.map(({ span }) => span);
    return () => verdicts.wrong(spans, culprits);
  }

  #largePiece(piece: number): LargePiece {
    const known = this.#large.get(piece);
    if (known) return known;
    const { pieces } = this.#options;
    const assembly = new PieceAssembly<Sender>(
      piece,
      pieces.lengthOf(piece),
      pieces.paddedLeavesOf(piece),
      pieces.expectedHash(piece),
    );
    const large = { assembly, written: [] };
    this.#large.set(piece, large);
    return large;
  }
}
