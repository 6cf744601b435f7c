import type { PieceMap } from '#lib/torrent';

import type { SpanCut } from './span-hasher.js';

const HASH = 32;

/** How to hash a span of whole pieces, [first, first + count). */
export function cutOfPieces(
  pieces: Pick<PieceMap, 'lengthOf' | 'paddedLeavesOf'>,
  first: number,
  count: number,
): SpanCut {
  const lengths = new Uint32Array(count);
  const paddedLeaves = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    lengths[index] = pieces.lengthOf(first + index);
    paddedLeaves[index] = pieces.paddedLeavesOf(first + index);
  }
  return { lengths, paddedLeaves };
}

/** How to hash a span that is a part of one piece: its leaves are wanted, and no root. */
export function cutOfPart(length: number): SpanCut {
  return { lengths: Uint32Array.of(length), paddedLeaves: Uint32Array.of(0) };
}

/** The pieces of a span from `first` on whose roots are not what the metainfo expects. */
export function wrongPieces(
  pieces: Pick<PieceMap, 'expectedHash'>,
  first: number,
  roots: Buffer,
): number[] {
  const wrong: number[] = [];
  for (let at = 0; at < roots.length; at += HASH) {
    const piece = first + at / HASH;
    if (roots.compare(pieces.expectedHash(piece), 0, HASH, at, at + HASH) !== 0) wrong.push(piece);
  }
  return wrong;
}
