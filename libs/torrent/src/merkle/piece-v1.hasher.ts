import { createHash, type Hash } from 'node:crypto';

/** Bytes of a SHA-1 hash. */
export const SHA1_LENGTH = 20;

const ZEROS = Buffer.alloc(65_536);

/**
 * Hashes the v1 byte stream (files and pads in the order of `v1Stream`), in chunks of any size,
 * into the SHA-1 hashes of its pieces.
 */
export class PieceHasherV1 {
  private readonly hashes: Buffer[] = [];
  private current: Hash | null = null;
  private room: number;
  /** Bytes taken in so far. */
  length = 0;

  /** @param pieceLength bytes, positive */
  constructor(private readonly pieceLength: number) {
    this.room = pieceLength;
  }

  update(chunk: Uint8Array): void {
    this.length += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      const count = Math.min(this.room, chunk.length - at);
      this.current ??= createHash('sha1');
      this.current.update(count === chunk.length ? chunk : chunk.subarray(at, at + count));
      this.room -= count;
      at += count;
      if (this.room === 0) this.endPiece();
    }
  }

  /** Takes in the zeros of a pad file. */
  pad(length: number): void {
    for (let left = length; left > 0; left -= ZEROS.length) {
      this.update(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
    }
  }

  /** The piece hashes, 20 bytes each. Call it once, after all bytes. */
  finish(): Buffer {
    if (this.room < this.pieceLength) this.endPiece();
    return Buffer.concat(this.hashes);
  }

  private endPiece(): void {
    this.hashes.push(this.current!.digest());
    this.current = null;
    this.room = this.pieceLength;
  }
}
