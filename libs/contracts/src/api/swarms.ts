import { z } from 'zod';

import { ByteCount, Hex32, Timestamp } from '../names.js';

export const SwarmSummary = z.object({
  artifact: Hex32,
  app: z.string().nullable(),
  version: z.string().nullable(),
  name: z.string(),
  bytes: ByteCount,
  seeds: z.number().int().nonnegative(),
  downloaders: z.number().int().nonnegative(),
  originSentBytes: ByteCount,
  /** originSentBytes / bytes. */
  originCopies: z.number(),
});
export type SwarmSummary = z.infer<typeof SwarmSummary>;

/** Piece maps on the live view are this many buckets, each 0 to 255: the share that is held. */
export const PIECE_BUCKETS = 64;

/** The name under which the live view knows the origin. */
export const ORIGIN_PEER = 'origin';

/** Shares from 0 to 1 as `PeerFrame.pieces` has them; of fewer than 64 the last one fills up. */
export function pieceMapHex(shares: readonly number[]): string {
  const bytes = Buffer.alloc(PIECE_BUCKETS);
  for (let bucket = 0; bucket < PIECE_BUCKETS; bucket++) {
    const share = shares[bucket] ?? shares.at(-1) ?? 1;
    bytes[bucket] = Math.round(Math.min(1, Math.max(0, share)) * 255);
  }
  return bytes.toString('hex');
}

/** One peer's view of a swarm in the last second: what it holds, and what came from whom. */
export const PeerFrame = z.object({
  peer: z.string(),
  label: z.string(),
  role: z.enum(['origin', 'agent', 'stranger']),
  /** 64 bytes as hex. */
  pieces: z.string().regex(/^(?:[0-9a-f]{2}){64}$/),
  /** 0 to 1. */
  progress: z.number(),
  bytesPerSecondDown: z.number(),
  bytesPerSecondUp: z.number(),
  /** Bytes received from each neighbour since the frame before. */
  from: z.array(z.object({ peer: z.string(), bytes: ByteCount })).max(64),
});
export type PeerFrame = z.infer<typeof PeerFrame>;

/** What an agent sends while somebody watches. */
export const SwarmFrameReport = z.object({ artifact: Hex32, frame: PeerFrame });
export type SwarmFrameReport = z.infer<typeof SwarmFrameReport>;

/** One event of `GET /api/v1/swarms/:artifact/live`. */
export const SwarmFrame = z.object({ at: Timestamp, artifact: Hex32, peers: z.array(PeerFrame) });
export type SwarmFrame = z.infer<typeof SwarmFrame>;
