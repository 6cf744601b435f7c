import { z } from 'zod';

import { ByteCount, Hex20, Hex32, HostPort } from '../names.js';

export const TorrentFormat = z.enum(['v2', 'hybrid']);
export type TorrentFormat = z.infer<typeof TorrentFormat>;

/** Which `.torrent` of a release is wanted: the artifact's own, or the v1 edition of a hybrid. */
export const HandedOutFormat = z.enum(['v1', 'v2', 'hybrid']);
export type HandedOutFormat = z.infer<typeof HandedOutFormat>;

/** What is known of an artifact without reading its metainfo. */
export const ArtifactSummary = z.object({
  /** The v2 info-hash: the artifact's identity. */
  artifact: Hex32,
  infoHashV1: Hex20.nullable(),
  /** Of the v1 edition, which old clients get; there is one of hybrids. */
  infoHashV1Only: Hex20.nullable().optional(),
  infoHashV2: Hex32,
  name: z.string(),
  /** One file, or a tree of files. */
  single: z.boolean(),
  bytes: ByteCount,
  files: z.number().int().nonnegative(),
  pieces: z.number().int().nonnegative(),
  pieceLength: z.number().int().positive(),
});
export type ArtifactSummary = z.infer<typeof ArtifactSummary>;

/** Which peers are served: proven members, also those whose address announced, or anybody. */
export const PeerAccess = z.enum(['members', 'announced', 'open']);
export type PeerAccess = z.infer<typeof PeerAccess>;

/**
 * What one of our own peers needs to join a swarm, handed out to callers that may read the artifact.
 * The secrets in it are for memory only: never logged, never written.
 */
export const SwarmTicket = z.object({
  artifact: Hex32,
  /** Tiers of tracker URLs (BEP 12); the caller's key is in the path. */
  announce: z.array(z.array(z.url())),
  /** Base64url of the secret that members prove they hold. */
  swarmSecret: z.string(),
  /** How this fleet treats strangers; `members` when it is not said. */
  peerAccess: PeerAccess.optional(),
  /** Peer ports of origin replicas that seed, dialled besides what the tracker hands out. */
  origins: z.array(HostPort),
  /** The BEP 19 floor: asked only when peers and the origin's seeding do not deliver. */
  webSeed: z.url().nullable(),
});
export type SwarmTicket = z.infer<typeof SwarmTicket>;
