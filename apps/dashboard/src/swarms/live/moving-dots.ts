import type { PeerFrame } from '#lib/contracts';

import { BUCKETS, parsePieces, type PieceMap } from './piece.map.js';

/** A dot that travels from a sender to a receiver while the bytes of one frame are shown. */
export interface MovingDot {
  readonly from: string;
  readonly to: string;
  /** Which bucket the bytes belong to; null where the frames do not tell. */
  readonly bucket: number | null;
  /** When it sets out: share of the frame's time, 0 to 1. */
  readonly start: number;
}

/** So many dots show one frame of one edge, and of the whole swarm, at most. */
const MOST_ON_EDGE = 6;
const MOST_IN_ALL = 900;

/**
 * What moved between two frames of a swarm. Bytes per neighbour are exact, and so is which buckets a
 * peer gained; which neighbour sent which bucket is not told, so the gained buckets go around among
 * the senders by their bytes, each to one that holds it.
 */
export function movingDots(
  before: ReadonlyMap<string, PieceMap>,
  peers: readonly PeerFrame[],
): MovingDot[] {
  const here = new Set(peers.map((each) => each.peer));
  const maps = new Map(peers.map((each) => [each.peer, parsePieces(each.pieces)]));
  const edges = peers.flatMap((each) =>
    each.from.filter((from) => here.has(from.peer) && from.bytes > 0),
  );
  if (edges.length === 0) return [];
  const perEdge = Math.max(1, Math.min(MOST_ON_EDGE, Math.floor(MOST_IN_ALL / edges.length)));
  let most = 1;
  for (const { bytes } of edges) most = Math.max(most, bytes);

  const dots: MovingDot[] = [];
  for (const frame of peers) {
    const gained = gainedBuckets(before.get(frame.peer), maps.get(frame.peer)!);
    for (const { peer: from, bytes } of frame.from) {
      if (bytes <= 0 || !here.has(from) || dots.length >= MOST_IN_ALL) continue;
      // Square root: a slow edge still shows a dot while a fast one does not flood the picture.
      const count = Math.max(1, Math.round(perEdge * Math.sqrt(bytes / most)));
      const buckets = takeBuckets(gained, count, maps.get(from)!);
      for (let each = 0; each < count; each++) {
        const bucket = buckets[each % buckets.length] ?? null;
        dots.push({
          from,
          to: frame.peer,
          bucket,
          start: (each + offsetOf(from, frame.peer)) / count,
        });
      }
    }
  }
  return dots;
}

/** Buckets that grew, the most first. Of a peer not seen before nothing is known. */
function gainedBuckets(before: PieceMap | undefined, now: PieceMap): number[] {
  if (!before) return [];
  const gains: { bucket: number; gain: number }[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const gain = now[bucket]! - before[bucket]!;
    if (gain > 0) gains.push({ bucket, gain });
  }
  return gains.sort((a, b) => b.gain - a.gain || a.bucket - b.bucket).map((each) => each.bucket);
}

/** Takes from the front and puts back at the end, so that the next sender brings other buckets. */
function takeBuckets(gained: number[], count: number, sender: PieceMap): number[] {
  const taken: number[] = [];
  for (let look = 0; look < gained.length && taken.length < count; look++) {
    const bucket = gained.shift()!;
    if (sender[bucket]! > 0) taken.push(bucket);
    gained.push(bucket);
  }
  return taken;
}

/** Spreads the edges' first dots over time; the same edge always begins at the same share. */
function offsetOf(from: string, to: string): number {
  let hash = 2166136261;
  for (const char of from + to) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  return (hash >>> 8) / 2 ** 24;
}
