import { createHash, hash, type Hash } from 'node:crypto';

export const SHA1 = 20;
const ZEROS = Buffer.alloc(65_536);

/** Cuts the bytes it is fed into v1 pieces. */
export class PiecesV1 {
  private readonly hashes: string[] = [];
  private current: Hash | null = null;
  private room: number;
  private readonly pieceLength: number;

  constructor(pieceLength: number) {
    this.pieceLength = pieceLength;
    this.room = pieceLength;
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(this.room, chunk.length - at);
      const bytes = chunk.subarray(at, at + count);
      at += count;
      if (count === this.pieceLength) {
        this.hashes.push(hash('sha1', bytes, 'binary'));
        continue;
      }
      this.current ??= createHash('sha1');
      this.current.update(bytes);
      this.room -= count;
      if (this.room === 0) this.end();
    }
  }

  /** Ends the piece with zeros, if one has begun. */
  pad(): void {
    if (this.current) feedZeros(this.room, (zeros) => this.update(zeros));
  }

  /** Ends the piece that has begun, however short. */
  end(): void {
    if (!this.current) return;
    this.hashes.push(this.current.digest('binary'));
    this.current = null;
    this.room = this.pieceLength;
  }

  finish(): Buffer {
    this.end();
    const whole = Buffer.alloc(this.hashes.length * SHA1);
    for (const [index, text] of this.hashes.entries()) whole.write(text, index * SHA1, 'latin1');
    return whole;
  }
}

export function hashSlicesV1(
  bytes: Uint8Array,
  lengths: Uint32Array,
  padding: Uint32Array | null,
): Buffer {
  const hashes = Buffer.alloc(lengths.length * SHA1);
  let offset = 0;
  for (let slice = 0; slice < lengths.length; slice++) {
    const view = bytes.subarray(offset, offset + lengths[slice]!);
    const hasher = createHash('sha1').update(view);
    feedZeros(padding?.[slice] ?? 0, (zeros) => hasher.update(zeros));
    hasher.digest().copy(hashes, slice * SHA1);
    offset += lengths[slice]!;
  }
  return hashes;
}

export function feedZeros(count: number, take: (zeros: Buffer) => void): void {
  for (let left = count; left > 0; left -= ZEROS.length) {
    take(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
  }
}
