import type { PIECE_BUCKETS } from '#lib/contracts';

/** As the origin sends it; named here so that nothing of the contracts is loaded by the page. */
export const BUCKETS: typeof PIECE_BUCKETS = 64;

/** The share of each bucket that is held, 0 to 1. */
export type PieceMap = Float32Array;

/** @param hex 64 bytes as hex, 0 to 255 each; what cannot be read counts as not held. */
export function parsePieces(hex: string): PieceMap {
  const map = new Float32Array(BUCKETS);
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const value = Number.parseInt(hex.slice(bucket * 2, bucket * 2 + 2), 16);
    map[bucket] = Number.isNaN(value) ? 0 : value / 255;
  }
  return map;
}

/** Copies of each bucket in the swarm: the sum of what its peers hold. */
export function availability(maps: readonly PieceMap[]): Float32Array {
  const copies = new Float32Array(BUCKETS);
  for (const map of maps) for (let each = 0; each < BUCKETS; each++) copies[each]! += map[each]!;
  return copies;
}

/** Paints a piece map as one CSS gradient with hard stops: one element for 64 buckets. */
export function stripe(map: PieceMap, colours: readonly string[], empty: string): string {
  const stops = colours.map((colour, bucket) => {
    const share = Math.round((map[bucket] ?? 0) * 100);
    const shown = share === 0 ? empty : `color-mix(in oklab, ${colour} ${share}%, ${empty})`;
    return `${shown} ${percent(bucket)} ${percent(bucket + 1)}`;
  });
  return `linear-gradient(to right, ${stops.join(', ')})`;
}

function percent(bucket: number): string {
  return `${((bucket / BUCKETS) * 100).toFixed(3)}%`;
}
