import type { PieceMap } from '#lib/torrent';

import { FileSpans } from '../disk/file-spans.js';

/** Where pieces begin in the payload. */
export class PieceOffsets {
  readonly #spans: FileSpans;

  constructor(private readonly pieces: Pick<PieceMap, 'files' | 'fileIndexOf' | 'offsetInFile'>) {
    this.#spans = FileSpans.of(pieces.files);
  }

  /** Payload offset of the piece's first byte. */
  offsetOf(piece: number): number {
    return this.#spans.startOf(this.pieces.fileIndexOf(piece)) + this.pieces.offsetInFile(piece);
  }
}
