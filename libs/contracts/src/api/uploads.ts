import { z } from 'zod';

import { AppName, ByteCount, Hex32, Timestamp, VersionName } from '../names.js';
import { TorrentFormat } from './artifacts.js';
import { Release } from './releases.js';

/** Largest number of files one artifact may have, and largest path in bytes. */
export const MAX_FILES = 1_000_000;
export const MAX_PATH_BYTES = 4096;

/** A file of the tree as the client measured it. `root` is its BEP 52 root; null for empty files. */
export const DeclaredFile = z.object({
  path: z.array(z.string().min(1).max(255)).min(1).max(128),
  length: ByteCount,
  root: Hex32.nullable(),
  executable: z.boolean().default(false),
  /** A relative link's target in components, resolved from the tree's root (BEP 47); then length is 0. */
  symlink: z.array(z.string()).min(1).max(128).optional(),
});
export type DeclaredFile = z.infer<typeof DeclaredFile>;

export const StartUpload = z.object({
  version: VersionName,
  name: z.string().min(1).max(255),
  single: z.boolean(),
  format: TorrentFormat,
  pieceLength: z.number().int().positive().optional(),
  files: z.array(DeclaredFile).max(MAX_FILES),
  /** Whether the parts of large files are to go straight to the store behind the origin. */
  direct: z.boolean().optional(),
});
export type StartUpload = z.infer<typeof StartUpload>;

/** A stretch of one file's content inside an upload object. */
export const ObjectEntry = z.object({ root: Hex32, length: ByteCount });

/**
 * What the origin wants sent: one large file, or a pack of small ones laid end to end in this order.
 * The object travels in parts of `partBytes`; the last one is shorter.
 */
export const UploadObject = z.object({
  object: z.string().regex(/^[fp]\d+$/),
  bytes: ByteCount,
  partBytes: z.number().int().positive(),
  entries: z.array(ObjectEntry).min(1),
  /** Indexes of the parts that are safely stored already. */
  received: z.array(z.number().int().nonnegative()),
  /** Parts go to URLs of their own (`PartUrl`), not to the origin. */
  direct: z.boolean().optional(),
});
export type UploadObject = z.infer<typeof UploadObject>;

/** Where a part is PUT to, with exactly its bytes and without a token, until then. */
export const PartUrl = z.object({
  url: z.url(),
  bytes: z.number().int().positive(),
  expiresAt: Timestamp,
});
export type PartUrl = z.infer<typeof PartUrl>;

export const UploadState = z.enum(['open', 'publishing', 'published', 'failed']);
export type UploadState = z.infer<typeof UploadState>;

export const Upload = z.object({
  upload: z.string(),
  app: AppName,
  version: VersionName,
  state: UploadState,
  /** What is lacking, whole: content that the origin has already is not in the list. */
  objects: z.array(UploadObject),
  /** Bytes of the artifact, and how many of them the origin had before. */
  bytes: ByteCount,
  knownBytes: ByteCount,
  receivedBytes: ByteCount,
  expiresAt: Timestamp,
  /** 0 to 1 while publishing. */
  progress: z.number(),
  release: Release.nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type Upload = z.infer<typeof Upload>;

/** The header that carries a part's SHA-256 (RFC 9530): `sha-256=:<base64>:`. */
export const CONTENT_DIGEST_HEADER = 'content-digest';

/**
 * The header that may stand in its place, for a part of a file that has several: the Merkle root
 * (BEP 52, 64 hex digits) over the part, padded with zero leaves to the full length of a part.
 */
export const PART_ROOT_HEADER = 'fleetseed-part-root';
