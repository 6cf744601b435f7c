export * from './depot.js';
export * from './depot-identity.js';
export * from './depot-key.js';
export type { DirectParts } from './direct-parts.js';
export {
  openForeignFolder,
  openForeignObject,
  type ForeignEntry,
  type ForeignFolder,
  type ForeignObject,
} from './foreign-object.js';
export { FolderLock } from './fs/folder-lock.js';
export { FsDepot, type FsDepotOptions } from './fs/fs-depot.js';
export { emptyContent, MemoryDepot, type MemoryDepotContent } from './memory/memory-depot.js';
export { openS3Depot } from './open-s3-depot.js';
export type { S3DepotOptions, S3Patience, S3Request, S3Setting } from './s3/s3-options.js';
export { allKeys, keyPages } from './key-pages.js';
export * from './stores/append-log.js';
export * from './stores/artifact-content.js';
export * from './stores/artifact-store.js';
export * from './stores/blob-store.js';
export type * from './stores/content-reads.js';
export type { ContentSource } from './stores/content-source.js';
export * from './stores/document-store.js';
export * from './stores/layout.js';
export { PackIndex, type PackEntry } from './stores/pack-index.js';
export { Places, PLACES_FORMAT, type Place } from './stores/places.js';
export * from './stores/reader-pool.js';
