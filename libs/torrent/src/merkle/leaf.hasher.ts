import { hash } from 'node:crypto';

import { BlockStream } from './block-stream.js';
import { BLOCK_LENGTH, HASH_LENGTH } from './merkle.js';

const FIRST_CAPACITY = 64;

/**
 * Hashes a file's bytes, in chunks of any size, into its BEP 52 leaves. One-shot hashing of views
 * is what is quick in Node: no hash object and no copy for a block that lies inside one chunk.
 */
export class LeafHasher {
  private leaves = Buffer.allocUnsafe(FIRST_CAPACITY * HASH_LENGTH);
  private used = 0;
  private readonly blocks = new BlockStream(BLOCK_LENGTH, (block) => this.add(block));

  /** Bytes taken in so far. */
  get length(): number {
    return this.blocks.length;
  }

  update(chunk: Uint8Array): void {
    this.blocks.update(chunk);
  }

  /** The leaf hashes, 32 bytes a block; empty for an empty file. Call it once, after all bytes. */
  finish(): Buffer {
    this.blocks.flush();
    return Buffer.from(this.leaves.subarray(0, this.used));
  }

  private add(block: Uint8Array): void {
    if (this.used === this.leaves.length) {
      const wider = Buffer.allocUnsafe(this.leaves.length * 2);
      this.leaves.copy(wider);
      this.leaves = wider;
    }
    hash('sha256', block, 'buffer').copy(this.leaves, this.used);
    this.used += HASH_LENGTH;
  }
}

/** Leaf hashes of bytes that are all in memory. */
export function leafHashesOf(bytes: Uint8Array): Buffer {
  const hasher = new LeafHasher();
  hasher.update(bytes);
  return hasher.finish();
}
