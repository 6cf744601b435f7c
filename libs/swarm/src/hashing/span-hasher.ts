import type { OpenFile } from './hash-job.types.js';

/**
 * How a span is cut for hashing: consecutive slices that fill the span exactly. A slice is a whole
 * piece, or the part of a larger piece that lies in the span (then 16 KiB-aligned inside its piece).
 */
export interface SpanCut {
  /** Bytes of each slice, in order. */
  readonly lengths: Uint32Array;
  /**
   * Leaves of the slice's Merkle tree, zero pads counted (a power of two), when its root is wanted;
   * 0 when only its leaves are: it is a part of a piece.
   */
  readonly paddedLeaves: Uint32Array;
}

export interface SpanHashes {
  /** SHA-256 of each 16 KiB block, 32 bytes each, slice after slice; each slice's last block is short. */
  readonly leaves: Buffer;
  /** Merkle root of each slice, 32 bytes each; zeros where no root was asked for. */
  readonly roots: Buffer;
}

/** A span that is hashed by SHA-1 too, and written into a file, on the way. */
export interface SpanToStore extends SpanCut {
  /** Whether the SHA-1 of each slice is wanted. */
  readonly sha1: boolean;
  /** Null when the span is only to be hashed. */
  readonly file: OpenFile | null;
}

export interface StoredSpan extends SpanHashes {
  /** SHA-1 of each slice, 20 bytes each; empty unless wanted. */
  readonly piecesV1: Buffer;
}

/**
 * Hashes payload bytes off the caller's back. Bytes are read in place: they must lie in shared
 * memory, and must not change before the promise settles. There is no signal for that reason:
 * a job that began is not taken back.
 */
export interface SpanHasher {
  /** SHA-256 leaves and piece roots of a span (BEP 52). */
  hashSpan(bytes: Uint8Array<SharedArrayBuffer>, cut: SpanCut): Promise<SpanHashes>;
  /** SHA-1 of slices, 20 bytes each. `padding[i]` zeros are hashed behind slice i (BEP 47 pads). */
  hashSpanV1(
    bytes: Uint8Array<SharedArrayBuffer>,
    lengths: Uint32Array,
    padding?: Uint32Array,
  ): Promise<Buffer>;
  /** Merkle root of leaf hashes (32 bytes each), padded with zero leaves to `paddedLeaves`. */
  merkleRoot(leaves: Uint8Array, paddedLeaves: number): Promise<Buffer>;
}
