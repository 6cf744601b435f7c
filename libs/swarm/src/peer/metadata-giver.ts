import { METADATA_PIECE_BYTES, decodeMetadataMessage, encodeMetadataMessage } from '#lib/wire';

/** So often all of it may be asked for, and so many pieces beyond that. */
const TIMES = 2;
const SPARE_PIECES = 16;

/**
 * Hands an `info` dictionary out to one peer (BEP 9). A request is forty bytes and its answer
 * sixteen thousand: what is asked for again and again is rejected.
 */
export class MetadataGiver {
  #left: number;

  constructor(private readonly metadata: Buffer) {
    this.#left = TIMES * this.#pieceCount + SPARE_PIECES;
  }

  /** Bytes. */
  get size(): number {
    return this.metadata.length;
  }

  get #pieceCount(): number {
    return Math.ceil(this.metadata.length / METADATA_PIECE_BYTES);
  }

  /**
   * @returns the answer; null when there is nothing to answer
   * @throws FleetseedError WIRE_INVALID
   */
  answer(payload: Buffer): Buffer | null {
    const message = decodeMetadataMessage(payload);
    if (message.type !== 'request') return null;
    const { piece } = message;
    if (piece >= this.#pieceCount || this.#left-- <= 0) {
      return encodeMetadataMessage({ type: 'reject', piece });
    }
    const begin = piece * METADATA_PIECE_BYTES;
    const bytes = this.metadata.subarray(begin, begin + METADATA_PIECE_BYTES);
    return encodeMetadataMessage({ type: 'data', piece, totalSize: this.metadata.length, bytes });
  }
}
