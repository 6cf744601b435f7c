import { z } from 'zod';

import { AppName, ByteCount, ChannelName, Hex32, Timestamp, VersionName } from '../names.js';
import { Release } from './releases.js';

/** `POST /api/v1/apps/:app/imports`: a release of a file, or a tree, that the origin fetches by itself. */
export const StartImport = z.strictObject({
  version: VersionName,
  /**
   * `https://…`, `http://…` if `insecureHttp` says so, or `s3://bucket/key`; or `s3://bucket/prefix/`, of
   * which every object below is a file of a tree.
   */
  from: z.string().min(1).max(4096),
  /** The name of the file or the tree; by default the last part of the source's path. */
  name: z.string().min(1).max(255).optional(),
  /** A channel to move to the release. */
  channel: ChannelName.optional(),
  /** SHA-256 that the file must have; a tree has none. Length of the file, or of all files together. */
  sha256: Hex32.optional(),
  bytes: ByteCount.optional(),
  /** Whether the file may travel in the clear, also after a redirect. */
  insecureHttp: z.boolean().default(false),
});
export type StartImport = z.infer<typeof StartImport>;

export const ImportState = z.enum(['open', 'done', 'failed', 'cancelled']);
export type ImportState = z.infer<typeof ImportState>;

export const Import = z.object({
  import: z.string(),
  /** Id of the job that does it. */
  job: z.string(),
  app: AppName,
  version: VersionName,
  name: z.string(),
  /** Without user, password and query. */
  from: z.string(),
  channel: ChannelName.nullable(),
  sha256: Hex32.nullable(),
  state: ImportState,
  /** What it is doing, a short phrase; null when it is waiting or has ended. */
  step: z.string().nullable(),
  /** Bytes fetched so far, of how many; null while the source has not said. */
  receivedBytes: ByteCount,
  bytes: ByteCount.nullable(),
  createdAt: Timestamp,
  createdBy: z.string(),
  finishedAt: Timestamp.nullable(),
  release: Release.nullable(),
  /** Whether this import made the release; false when it was there with this content. */
  created: z.boolean().nullable(),
  /** Of the last try, also while another one is waited for. */
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type Import = z.infer<typeof Import>;
