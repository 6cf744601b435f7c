import { defaultPieceLength, fileRoot, LeafHasher, PieceHasherV1 } from '#lib/torrent';

import { layerOf, type PartHashes } from './part-hashes.js';

export interface HashedContent {
  readonly bytes: number;
  /** Null for an empty file. */
  readonly root: string | null;
  readonly hashes: PartHashes;
}

/** Hashes a file that comes in one stream, whose length may be known only at its end. */
export class ContentHasher {
  readonly #leaves = new LeafHasher();
  /** v1 pieces can be hashed on the way only when the length, and so theirs, is known beforehand. */
  readonly #v1: PieceHasherV1 | null;

  constructor(length: number | null) {
    this.#v1 = length === null ? null : new PieceHasherV1(defaultPieceLength(length));
  }

  get length(): number {
    return this.#leaves.length;
  }

  update(chunk: Uint8Array): void {
    this.#leaves.update(chunk);
    this.#v1?.update(chunk);
  }

  /** Call it once, after all bytes. */
  finish(): HashedContent {
    const bytes = this.length;
    const leaves = this.#leaves.finish();
    const pieceLength = defaultPieceLength(bytes);
    const empty = Buffer.alloc(0);
    return {
      bytes,
      root: fileRoot(leaves, bytes)?.toString('hex') ?? null,
      hashes: {
        leaves,
        layer: bytes > pieceLength ? layerOf(leaves, bytes, pieceLength) : empty,
        sha1: this.#v1?.finish() ?? empty,
      },
    };
  }
}
