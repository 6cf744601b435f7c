export * from './announce/announcer.js';
export * from './announce/tracker.announcer.js';
export * from './announce/memory.announcer.js';
export * from './bitfield.js';
export type { ArtifactLayout } from './disk/artifact-paths.js';
export { diskError } from './disk/disk-errors.js';
export * from './disk/disk-store.js';
export type { FileSignature } from './disk/file-signature.js';
export * from './disk/file-signatures.js';
export * from './disk/finish-tree.js';
export * from './disk/free-space.js';
export * from './disk/installed-tree.store.js';
export * from './disk/memory-store.js';
export type { PayloadStore } from './disk/payload-store.js';
export * from './disk/resume-file.js';
export * from './disk/tree-document.js';
export { BufferPool, LARGEST_SPAN_BUFFER, type SpanBuffer } from './hashing/buffer-pool.js';
export type { OpenFile, StreamSegment } from './hashing/hash-job.types.js';
export type { FileToHash } from './hashing/file-batches.js';
export { sameSignature, type FileDigest } from './hashing/file-digests.js';
export { HashPool, type HashFilesOptions, type HashPoolOptions } from './hashing/hash-pool.js';
export * from './hashing/inline-hasher.js';
export type { OrderedHasher, OrderedHashes, OrderedWanted } from './hashing/ordered-hasher.js';
export type {
  SpanCut,
  SpanHasher,
  SpanHashes,
  SpanToStore,
  StoredSpan,
} from './hashing/span-hasher.js';
export * from './hashing/verify-pieces.js';
export type { OriginReplicas } from './policy/copy.division.js';
export type { RateLimits } from './policy/rate.limiter.js';
export { PayloadLayout } from './policy/payload.layout.js';
export { PEER_TIMEOUTS, type PeerTimeouts } from './peer/peer.types.js';
export { Session } from './session/session.js';
export * from './session/session.types.js';
export { Torrent } from './torrent/torrent.js';
export {
  TORRENT_TIMEOUTS,
  type NeighbourStats,
  type PeerAccess,
  type TorrentBytes,
  type TorrentEvents,
  type TorrentOptions,
  type TorrentProgress,
  type TorrentState,
  type TorrentStats,
  type TorrentTimeouts,
  type UploadReason,
  type WebSeed,
} from './torrent/torrent.types.js';
export * from './web-seed/web-seed.client.js';
export * from './staging/adopt-artifact.js';
export * from './staging/handover.store.js';
export * from './staging/inspect-installed.js';
export * from './staging/inspection-rounds.js';
export * from './staging/installed-seed.js';
export * from './staging/local-content.js';
export type { StageBytes } from './staging/stage-account.js';
export * from './staging/selection.js';
export * from './staging/stage-artifact.js';
export * from './staging/stream-payload.js';
export * from './staging/swarm-access.js';
export * from './staging/ticket.announcer.js';
export * from './staging/verify-installed.js';
export * from './metadata/fetch-metainfo.js';
