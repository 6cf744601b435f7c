import { hash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

/** BEP 52: leaves are SHA-256 of blocks of this many bytes; the last one of a file at its length. */
export const BLOCK_LENGTH = 16_384;
/** Bytes of a SHA-256 hash. */
export const HASH_LENGTH = 32;

const pads: Buffer[] = [Buffer.alloc(HASH_LENGTH)];

/**
 * The hash that stands for a missing node `layer` layers above the leaves: zeros for a leaf, and
 * the parent of two such nodes above. The result is shared: do not write into it.
 */
export function padHash(layer: number): Buffer {
  for (let known = pads.length; known <= layer; known++) {
    const below = pads[known - 1]!;
    pads.push(hash('sha256', Buffer.concat([below, below]), 'buffer'));
  }
  return pads[layer]!;
}

/** SHA-256 of one block. */
export function leafHash(block: Uint8Array): Buffer {
  return hash('sha256', block, 'buffer');
}

/** Blocks of a file or piece of `length` bytes. */
export function blockCount(length: number): number {
  return Math.ceil(length / BLOCK_LENGTH);
}

/** The smallest power of two that is at least `count`, and at least 1. */
export function nextPowerOfTwo(count: number): number {
  let power = 1;
  while (power < count) power *= 2;
  return power;
}

export function isPowerOfTwo(count: number): boolean {
  return Number.isSafeInteger(count) && count > 0 && nextPowerOfTwo(count) === count;
}

/** The exponent of a power of two. */
export function log2(power: number): number {
  return Math.round(Math.log2(power));
}

/**
 * The layer above: each pair of hashes becomes one. A last hash without a partner is paired with
 * `padHash(layer)`, where `layer` is the height of the given hashes above the leaves.
 */
export function parentLayer(hashes: Buffer, layer: number): Buffer {
  const count = hashes.length / HASH_LENGTH;
  const parents = Buffer.allocUnsafe(Math.ceil(count / 2) * HASH_LENGTH);
  const pairs = Math.floor(count / 2);
  for (let pair = 0; pair < pairs; pair++) {
    const at = pair * 2 * HASH_LENGTH;
    const children = hashes.subarray(at, at + 2 * HASH_LENGTH);
    // As text: a digest in a Buffer of its own takes four times as long.
    parents.write(hash('sha256', children, 'binary'), pair * HASH_LENGTH, HASH_LENGTH, 'latin1');
  }
  if (count % 2 === 1) {
    const last = Buffer.concat([hashes.subarray(hashes.length - HASH_LENGTH), padHash(layer)]);
    hash('sha256', last, 'buffer').copy(parents, pairs * HASH_LENGTH);
  }
  return parents;
}

/**
 * The root over `count` nodes (a power of two, by default the next one) of which `hashes` are the
 * first; missing ones are pads.
 *
 * @param hashes at least one hash, 32 bytes each
 * @param layer height of `hashes` above the leaves, which decides the value of pads
 */
export function merkleRoot(hashes: Buffer, layer = 0, count?: number): Buffer {
  const given = checkHashes(hashes);
  const width = count ?? nextPowerOfTwo(given);
  if (!isPowerOfTwo(width) || width < given) {
    throw new RangeError(`${given} hashes do not fit a tree of ${width}`);
  }
  let current = hashes;
  let height = layer;
  for (let left = width; left > 1; left /= 2) current = parentLayer(current, height++);
  // A copy: the caller may keep a root for long, and a view would keep all the leaves with it.
  return current === hashes ? Buffer.from(hashes) : current;
}

/** The number of hashes in a buffer of them. @throws RangeError when it is empty or not whole. */
export function checkHashes(hashes: Buffer): number {
  if (hashes.length === 0 || hashes.length % HASH_LENGTH !== 0) {
    throw new RangeError(`Not a whole number of hashes: ${hashes.length} bytes`);
  }
  return hashes.length / HASH_LENGTH;
}

/** A power of two, at least 16 KiB. @throws FleetseedError METAINFO_PIECE_LENGTH_INVALID */
export function checkPieceLengthV2(pieceLength: number): number {
  if (!isPowerOfTwo(pieceLength) || pieceLength < BLOCK_LENGTH) {
    throw new FleetseedError(
      'METAINFO_PIECE_LENGTH_INVALID',
      `A piece length must be a power of two and at least ${BLOCK_LENGTH}, not ${pieceLength}.`,
      { pieceLength },
    );
  }
  return pieceLength;
}
