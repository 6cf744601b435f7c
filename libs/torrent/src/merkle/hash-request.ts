import { hash } from 'node:crypto';

import {
  BLOCK_LENGTH,
  HASH_LENGTH,
  isPowerOfTwo,
  log2,
  merkleRoot,
  nextPowerOfTwo,
} from './merkle.js';
import type { MerkleTree } from './merkle.tree.js';

/** BEP 52 `hash request`: hashes of one layer of a file's tree, and the uncles that prove them. */
export interface HashRequest {
  /** `pieces root` of the file. */
  readonly root: Buffer;
  /** Layer asked for, counted from the leaves. */
  readonly base: number;
  /** First hash asked for; a multiple of `length`. */
  readonly index: number;
  /** Hashes asked for: a power of two. BEP 52 wants 2 to 512. */
  readonly length: number;
  /** Layers above `base` that the answer must prove, the root not counted. */
  readonly proofLayers: number;
}

/** What we answer at most; libtorrent has the same bound. */
export const MAX_HASH_REQUEST_LENGTH = 8192;
/** What we ask for at most (BEP 52: SHOULD NOT be more). */
export const HASH_REQUEST_LENGTH = 512;

/** Uncles that follow the hashes in an answer: the lowest layers are covered by the hashes. */
export function uncleCount(request: Pick<HashRequest, 'length' | 'proofLayers'>): number {
  return Math.max(0, request.proofLayers - log2(request.length) + 1);
}

/**
 * The hashes that answer a request: `length` hashes of the layer, pads included, then the uncles,
 * nearest first. Null when the request has to be rejected.
 *
 * A `length` of 1 breaks the specification, but libtorrent asks so for a last hash that stands
 * alone, and expects its sibling first and then `proofLayers` uncles: what the formula gives.
 */
export function hashesFor(request: HashRequest, tree: MerkleTree): Buffer | null {
  if (!isAnswerable(request, tree)) return null;
  const { base, index, length } = request;
  const parts: Buffer[] = [];
  for (let at = index; at < index + length; at++) parts.push(tree.node(base, at));
  let layer = base + log2(length);
  let position = index / length;
  for (let left = uncleCount(request); left > 0; left--) {
    parts.push(tree.node(layer, position % 2 === 0 ? position + 1 : position - 1));
    position = Math.floor(position / 2);
    layer++;
  }
  return Buffer.concat(parts);
}

/**
 * Whether an answer proves its hashes.
 *
 * @param known the hash at layer `base + log2(length) + uncleCount`: the file's root when the
 *   request asked for the whole way up, else an inner node that was proved before
 */
export function verifyHashes(request: HashRequest, hashes: Buffer, known: Buffer): boolean {
  const { base, index, length } = request;
  const uncles = uncleCount(request);
  if (!isPowerOfTwo(length) || index % length !== 0) return false;
  if (hashes.length !== (length + uncles) * HASH_LENGTH) return false;
  let node = merkleRoot(hashes.subarray(0, length * HASH_LENGTH), base, length);
  let position = index / length;
  for (let uncle = 0; uncle < uncles; uncle++) {
    const at = (length + uncle) * HASH_LENGTH;
    const other = hashes.subarray(at, at + HASH_LENGTH);
    const pair = position % 2 === 0 ? [node, other] : [other, node];
    node = hash('sha256', Buffer.concat(pair), 'buffer');
    position = Math.floor(position / 2);
  }
  return node.equals(known);
}

/**
 * The requests that bring the whole piece layer of a file longer than one piece, each provable
 * against the root on its own. Never of length 1: libtorrent answers those wrongly.
 */
export function pieceLayerRequests(
  root: Buffer,
  fileLength: number,
  pieceLength: number,
): HashRequest[] {
  const width = nextPowerOfTwo(Math.ceil(fileLength / pieceLength));
  const length = Math.min(width, HASH_REQUEST_LENGTH);
  const base = log2(pieceLength / BLOCK_LENGTH);
  const requests: HashRequest[] = [];
  for (let index = 0; index * pieceLength < fileLength && width > 1; index += length) {
    requests.push({ root, base, index, length, proofLayers: log2(width) - 1 });
  }
  return requests;
}

function isAnswerable(request: HashRequest, tree: MerkleTree): boolean {
  const { base, index, length, proofLayers } = request;
  if (base < tree.base || base >= tree.height) return false;
  if (!isPowerOfTwo(length) || length > MAX_HASH_REQUEST_LENGTH) return false;
  if (index < 0 || index % length !== 0 || index + length > tree.widthOf(base)) return false;
  return proofLayers >= 0 && proofLayers < tree.height - base;
}
