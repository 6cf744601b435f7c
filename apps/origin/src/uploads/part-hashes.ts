import { createHash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';
import { fileRoot, LeafHasher, PieceHasherV1 } from '#lib/torrent';

/** What is kept of a part's bytes, so that publishing need not read them again. */
export interface PartHashes {
  /** BEP 52 leaves of each stretch, one after the other, 32 bytes a leaf. */
  readonly leaves: Buffer;
  /** SHA-1 of the pieces of a single-file hybrid; empty otherwise. */
  readonly sha1: Buffer;
}

/** A stretch of one file inside a part. `root` is known when the stretch is the whole file. */
export interface Stretch {
  readonly root: string | null;
  readonly length: number;
}

/* 'FSPH' u16 format u16 zero, u32 bytes of leaves, leaves, SHA-1s. */
const MAGIC = 0x46535048;
const FORMAT = 1;
const HEADER = 12;

export function encodePartHashes({ leaves, sha1 }: PartHashes): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt16BE(FORMAT, 4);
  head.writeUInt32BE(leaves.length, 8);
  return Buffer.concat([head, leaves, sha1]);
}

/** @throws DEPOT_CORRUPT */
export function decodePartHashes(bytes: Buffer): PartHashes {
  const known = bytes.length >= HEADER && bytes.readUInt32BE(0) === MAGIC;
  const end = known ? HEADER + bytes.readUInt32BE(8) : Infinity;
  if (!known || bytes.readUInt16BE(4) !== FORMAT || end > bytes.length) {
    throw new FleetseedError('DEPOT_CORRUPT', 'The hashes of a part are damaged.');
  }
  return { leaves: bytes.subarray(HEADER, end), sha1: bytes.subarray(end) };
}

/** Hashes a part while it streams by: its SHA-256, and the leaves of the files it carries. */
export class PartHasher {
  readonly #whole = createHash('sha256');
  readonly #leaves: Buffer[] = [];
  readonly #v1: PieceHasherV1 | null;
  #current = new LeafHasher();
  #stretch = 0;
  #room: number;

  /** @param pieceLengthV1 of a single-file hybrid, whose parts begin at pieces; else null */
  constructor(
    private readonly stretches: readonly Stretch[],
    pieceLengthV1: number | null,
  ) {
    this.#room = stretches[0]?.length ?? 0;
    this.#v1 = pieceLengthV1 === null ? null : new PieceHasherV1(pieceLengthV1);
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
    // A stream whose length nobody knew ends inside its stretch.
    if (this.#current.length > 0) this.#leaves.push(this.#current.finish());
    return {
      digest: this.#whole.digest(),
      hashes: {
        leaves: Buffer.concat(this.#leaves),
        sha1: this.#v1?.finish() ?? Buffer.alloc(0),
      },
    };
  }

  #endStretch(): void {
    const { root, length } = this.stretches[this.#stretch]!;
    const leaves = this.#current.finish();
    if (root !== null && fileRoot(leaves, length)?.toString('hex') !== root) {
      throw rootMismatch(root);
    }
    this.#leaves.push(leaves);
    this.#stretch++;
    this.#current = new LeafHasher();
    this.#room = this.stretches[this.#stretch]?.length ?? 0;
  }
}

export function rootMismatch(root: string): FleetseedError {
  return new FleetseedError(
    'ROOT_MISMATCH',
    'The bytes that came are not those of the file that was declared.',
    { root },
  );
}
