/**
 * Cuts a stream of chunks into blocks of one size and hands each to `take`. Blocks that lie inside
 * one chunk are handed out as views of it; only those that span chunks are copied together.
 * `take` must be done with the view when it returns.
 */
export class BlockStream {
  private readonly partial: Buffer;
  private filled = 0;
  /** Bytes taken in so far. */
  length = 0;

  constructor(
    private readonly blockLength: number,
    private readonly take: (block: Uint8Array) => void,
  ) {
    this.partial = Buffer.allocUnsafe(blockLength);
  }

  update(chunk: Uint8Array): void {
    this.length += chunk.length;
    let at = 0;
    if (this.filled > 0) {
      at = this.fill(chunk, 0);
      if (this.filled < this.blockLength) return;
      this.take(this.partial);
      this.filled = 0;
    }
    for (; chunk.length - at >= this.blockLength; at += this.blockLength) {
      this.take(chunk.subarray(at, at + this.blockLength));
    }
    if (at < chunk.length) this.fill(chunk, at);
  }

  /** Hands out the last, short block if there is one. */
  flush(): void {
    if (this.filled > 0) this.take(this.partial.subarray(0, this.filled));
    this.filled = 0;
  }

  private fill(chunk: Uint8Array, from: number): number {
    const count = Math.min(this.blockLength - this.filled, chunk.length - from);
    this.partial.set(chunk.subarray(from, from + count), this.filled);
    this.filled += count;
    return from + count;
  }
}
