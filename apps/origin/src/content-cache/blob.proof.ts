import type { ContentFile } from '#lib/depot';
import { BLOCK_LENGTH, HASH_LENGTH, paddedLeavesOf, pieceRoot } from '#lib/torrent';

import {
  integrity,
  SPAN_BYTES,
  type ObjectProof,
  type ProvenStretch,
  type Span,
} from './span.proof.js';

/** Content whose leaves are read and checked together, bytes: 64 KiB of leaves. */
const UNIT_BYTES = 32 * 1024 * 1024;

/** Reads leaf hashes of a blob from the depot: `count` from number `first`, 32 bytes each. */
export type ReadLeaves = (first: number, count: number) => Promise<Buffer>;

/**
 * A file that is an object of its own. Its leaves are read from beside it, a part at a time, and
 * believed when they make up the pieces that the metainfo names: so the time until the first byte does
 * not depend on how many there are.
 */
export class BlobProof implements ObjectProof {
  readonly #unitBytes: number;

  constructor(
    private readonly object: string,
    private readonly file: ContentFile,
    private readonly readLeaves: ReadLeaves,
    /** Keeps checked leaves of a unit; calls back when it has not got them. */
    private readonly keep: (
      unit: number,
      bytes: number,
      load: () => Promise<Buffer>,
    ) => Promise<Buffer>,
  ) {
    // Only a whole file makes up its root.
    const { pieces, length } = file;
    const whole = paddedLeavesOf(length, length) * BLOCK_LENGTH;
    this.#unitBytes = Math.max(UNIT_BYTES, pieces?.pieceLength ?? whole);
  }

  get length(): number {
    return this.file.length;
  }

  spanAt(position: number): Span {
    const offset = Math.floor(position / SPAN_BYTES) * SPAN_BYTES;
    return { offset, length: Math.min(SPAN_BYTES, this.length - offset) };
  }

  async stretchesOf({ offset, length }: Span): Promise<readonly ProvenStretch[]> {
    const unit = Math.floor(offset / this.#unitBytes);
    const start = unit * this.#unitBytes;
    const bytes = Math.min(this.#unitBytes, this.length - start);
    const count = Math.ceil(bytes / BLOCK_LENGTH);
    const leaves = await this.keep(unit, count * HASH_LENGTH, async () => {
      const read = await this.readLeaves(start / BLOCK_LENGTH, count);
      this.#check(read, start);
      return read;
    });
    const first = ((offset - start) / BLOCK_LENGTH) * HASH_LENGTH;
    const size = Math.ceil(length / BLOCK_LENGTH) * HASH_LENGTH;
    return [{ length, leaves: leaves.subarray(first, first + size) }];
  }

  #check(leaves: Buffer, start: number): void {
    const { root, length, pieces } = this.file;
    const single = pieces === null || length <= pieces.pieceLength;
    const pieceLength = single ? this.#unitBytes : pieces.pieceLength;
    const padded = paddedLeavesOf(length, single ? length : pieceLength);
    const perPiece = (pieceLength / BLOCK_LENGTH) * HASH_LENGTH;
    const hashes = single ? Buffer.from(root, 'hex') : pieces.hashes;
    for (let at = 0; at < leaves.length; at += perPiece) {
      const piece = start / pieceLength + at / perPiece;
      const found = pieceRoot(leaves.subarray(at, Math.min(leaves.length, at + perPiece)), padded);
      const expected = hashes.subarray(piece * HASH_LENGTH, (piece + 1) * HASH_LENGTH);
      if (found.equals(expected)) continue;
      throw integrity('The leaves of a blob do not make up its pieces.', this.object, start);
    }
  }
}
