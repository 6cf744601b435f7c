import { createHash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';
import {
  BLOCK_LENGTH,
  fileRoot,
  LeafHasher,
  PieceHasherV1,
  pieceLayerOf,
  pieceRoot,
} from '#lib/torrent';

/** What is kept of a part's bytes, so that publishing need not read them again. */
export interface PartHashes {
  /** BEP 52 leaves of each stretch, one after the other, 32 bytes a leaf. */
  readonly leaves: Buffer;
  /** Hashes of the v2 pieces of each stretch of a file longer than one piece, 32 bytes a piece. */
  readonly layer: Buffer;
  /** SHA-1 of the pieces of a single-file hybrid; empty otherwise. */
  readonly sha1: Buffer;
}

/** A stretch of one file inside a part, from the beginning of a piece. */
export interface Stretch {
  /** Known when the stretch is the whole file. */
  readonly root: string | null;
  readonly length: number;
  /** Bytes of the whole file. */
  readonly fileLength: number;
}

/* 'FSPH' u16 format u16 zero, u32 bytes of leaves, u32 bytes of layer, leaves, layer, SHA-1s. */
const MAGIC = 0x46535048;
const FORMAT = 1;
const HEADER = 16;

export function encodePartHashes({ leaves, layer, sha1 }: PartHashes): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt16BE(FORMAT, 4);
  head.writeUInt32BE(leaves.length, 8);
  head.writeUInt32BE(layer.length, 12);
  return Buffer.concat([head, leaves, layer, sha1]);
}

/** @throws DEPOT_CORRUPT */
export function decodePartHashes(bytes: Buffer): PartHashes {
  const known = bytes.length >= HEADER && bytes.readUInt32BE(0) === MAGIC;
  const layerAt = known ? HEADER + bytes.readUInt32BE(8) : Infinity;
  const end = known ? layerAt + bytes.readUInt32BE(12) : Infinity;
  if (!known || bytes.readUInt16BE(4) !== FORMAT || end > bytes.length) {
    throw new FleetseedError('DEPOT_CORRUPT', 'The hashes of a part are damaged.');
  }
  return {
    leaves: bytes.subarray(HEADER, layerAt),
    layer: bytes.subarray(layerAt, end),
    sha1: bytes.subarray(end),
  };
}

/** Hashes a part while it streams by: its SHA-256, and the leaves of the files it carries. */
export class PartHasher {
  readonly #whole = createHash('sha256');
  readonly #leaves: Buffer[] = [];
  readonly #layers: Buffer[] = [];
  readonly #v1: PieceHasherV1 | null;
  #current = new LeafHasher();
  #stretch = 0;
  #room: number;

  /** @param withV1 for a single-file hybrid, whose v1 pieces begin where its parts do */
  constructor(
    private readonly stretches: readonly Stretch[],
    private readonly pieceLength: number,
    withV1: boolean,
  ) {
    this.#room = stretches[0]?.length ?? 0;
    this.#v1 = withV1 ? new PieceHasherV1(pieceLength) : null;
  }

  /** Takes the next bytes; all of them together must be as long as the stretches. @throws ROOT_MISMATCH */
  update(chunk: Uint8Array): void {
    this.#whole.update(chunk);
    this.#v1?.update(chunk);
    let at = 0;
    while (at < chunk.length && this.#stretch < this.stretches.length) {
      const count = Math.min(this.#room, chunk.length - at);
      this.#current.update(count === chunk.length ? chunk : chunk.subarray(at, at + count));
      this.#room -= count;
      at += count;
      if (this.#room === 0) this.#endStretch();
    }
  }

  /** Call it once, after all bytes. */
  finish(): { readonly digest: Buffer; readonly hashes: PartHashes } {
    return {
      digest: this.#whole.digest(),
      hashes: {
        leaves: Buffer.concat(this.#leaves),
        layer: Buffer.concat(this.#layers),
        sha1: this.#v1?.finish() ?? Buffer.alloc(0),
      },
    };
  }

  #endStretch(): void {
    const { root, length, fileLength } = this.stretches[this.#stretch]!;
    const leaves = this.#current.finish();
    if (root !== null && fileRoot(leaves, length)?.toString('hex') !== root) {
      throw rootMismatch(root);
    }
    this.#leaves.push(leaves);
    if (fileLength > this.pieceLength) this.#layers.push(layerOf(leaves, length, this.pieceLength));
    this.#stretch++;
    this.#current = new LeafHasher();
    this.#room = this.stretches[this.#stretch]?.length ?? 0;
  }
}

/** The pieces of a stretch of a file longer than one piece: the last may be short, and is padded. */
export function layerOf(leaves: Buffer, length: number, pieceLength: number): Buffer {
  if (length > pieceLength) return pieceLayerOf(leaves, pieceLength);
  return pieceRoot(leaves, pieceLength / BLOCK_LENGTH);
}

export function rootMismatch(root: string): FleetseedError {
  return new FleetseedError(
    'ROOT_MISMATCH',
    'The bytes that came are not those of the file that was declared.',
    { root },
  );
}
