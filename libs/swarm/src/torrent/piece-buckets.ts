import type { Bitfield } from '../bitfield.js';

const BUCKETS = 64;

/** The share of each of 64 equal parts of the pieces that is there, 0 to 1: a map to draw. */
export function pieceMapOf(have: Bitfield): number[] {
  const { size } = have;
  return Array.from({ length: BUCKETS }, (_, bucket) => {
    const first = Math.floor((bucket * size) / BUCKETS);
    const end = Math.max(first + 1, Math.floor(((bucket + 1) * size) / BUCKETS));
    let present = 0;
    for (let piece = first; piece < end; piece++) if (have.get(piece)) present++;
    return present / (end - first);
  });
}
