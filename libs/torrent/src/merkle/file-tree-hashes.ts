import {
  BLOCK_LENGTH,
  HASH_LENGTH,
  blockCount,
  checkHashes,
  checkPieceLengthV2,
  log2,
  merkleRoot,
  nextPowerOfTwo,
  parentLayer,
} from './merkle.js';

/**
 * BEP 52 `pieces root` of a file from the hashes of its blocks. It does not depend on the piece
 * length: padding the last piece to a full one with zero leaves, and then pieces with pad pieces,
 * is the same as padding the leaves to a power of two with zeros.
 *
 * @param length of the file, bytes; it must agree with the number of leaves
 * @returns null for an empty file, which has no root
 */
export function fileRoot(leafHashes: Buffer, length: number): Buffer | null {
  checkLeafCount(leafHashes, length);
  return length === 0 ? null : merkleRoot(leafHashes);
}

/**
 * The hashes of a file's pieces, 32 bytes each, pads left out: the value in `piece layers` when the
 * file is longer than one piece. A file of one piece or less has the one hash that is its root.
 */
export function pieceLayerOf(leafHashes: Buffer, pieceLength: number): Buffer {
  const leaves = checkHashes(leafHashes);
  const perPiece = checkPieceLengthV2(pieceLength) / BLOCK_LENGTH;
  if (leaves <= perPiece) return merkleRoot(leafHashes);
  let current = leafHashes;
  for (let layer = 0; layer < log2(perPiece); layer++) current = parentLayer(current, layer);
  return current;
}

/** The root of a file from the hashes of its pieces; for files longer than one piece. */
export function rootOfPieceLayer(layer: Buffer, pieceLength: number): Buffer {
  return merkleRoot(layer, log2(checkPieceLengthV2(pieceLength) / BLOCK_LENGTH));
}

/**
 * The hash of one piece from the hashes of its blocks, padded with zero leaves to `paddedLeaves`:
 * the blocks of a full piece, or, in a file shorter than one piece, the next power of two of its
 * own blocks (see {@link paddedLeavesOf}).
 */
export function pieceRoot(leafHashesOfPiece: Buffer, paddedLeaves: number): Buffer {
  return merkleRoot(leafHashesOfPiece, 0, paddedLeaves);
}

/** Leaves of the tree of any piece of a file, pads counted. */
export function paddedLeavesOf(fileLength: number, pieceLength: number): number {
  if (fileLength > pieceLength) return pieceLength / BLOCK_LENGTH;
  return nextPowerOfTwo(blockCount(fileLength));
}

function checkLeafCount(leafHashes: Buffer, length: number): void {
  if (leafHashes.length !== blockCount(length) * HASH_LENGTH) {
    throw new RangeError(`${leafHashes.length} bytes of leaf hashes for ${length} bytes of file`);
  }
}
