import { z } from 'zod';

import { AppName, ByteCount, Timestamp, VersionName } from '../names.js';

/** `POST /api/v1/collection`: begins a collection of what no release needs any more. */
export const StartCollection = z.strictObject({
  /** Only finds out what would be done. */
  dryRun: z.boolean().default(false),
});
export type StartCollection = z.infer<typeof StartCollection>;

/** What was found of one kind of things in the depot, counted. */
const Counts = z.object({
  /** Needed, and left alone. */
  live: z.number().int(),
  /** Not needed, but not for long enough yet. */
  condemned: z.number().int(),
  /** Removed; in a dry run: due to be removed. */
  removed: z.number().int(),
});

/** What a collection did. */
export const CollectionReport = z.looseObject({
  v: z.literal(1),
  dryRun: z.boolean(),
  startedAt: Timestamp,
  finishedAt: Timestamp,
  /** Releases that the rules of retention gave up, and those taken back because a channel needs them. */
  retired: z.array(z.object({ app: AppName, version: VersionName })),
  restored: z.array(z.object({ app: AppName, version: VersionName })),
  artifacts: Counts,
  packs: Counts,
  blobs: Counts,
  /** Bytes of the removed packs and blobs. */
  removedBytes: ByteCount,
  /** Packs of which less than half was needed, and the bytes that were carried over to new ones. */
  repackedPacks: z.number().int(),
  repackedBytes: ByteCount,
  /** What a release needs and the depot lacks, or what is damaged; keys of at most 100. */
  damaged: z.array(z.string()),
});
export type CollectionReport = z.infer<typeof CollectionReport>;
