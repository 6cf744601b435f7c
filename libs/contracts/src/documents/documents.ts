import { z } from 'zod';

import { Release } from '../api/releases.js';
import { UploadState } from '../api/uploads.js';
import { AppName, ByteCount, Hex32, Labels, TargetId, Timestamp } from '../names.js';

/** Documents carry a format version: a newer one than known is refused, unknown fields are kept. */
const v1 = { v: z.literal(1) };

/** `apps/<app>/releases/<version>.json`, write-once. */
export const ReleaseDocument = Release.extend(v1).loose();
export type ReleaseDocument = z.infer<typeof ReleaseDocument>;

/** `targets/<id>.json`. */
export const TargetDocument = z.looseObject({
  ...v1,
  target: TargetId,
  publicKey: z.string(),
  hostname: z.string(),
  labels: Labels,
  joinedAt: Timestamp,
  joinedWith: z.string(),
});
export type TargetDocument = z.infer<typeof TargetDocument>;

/** `tokens/<id>.json`: the secret itself is never stored. */
export const TokenDocument = z.looseObject({
  ...v1,
  token: z.string(),
  kind: z.enum(['api', 'join', 'tracker']),
  name: z.string(),
  /** SHA-256 of the secret, hex. */
  secretHash: Hex32,
  scopes: z.array(z.string()),
  /** Tracker keys: the only artifact they open. */
  artifact: Hex32.nullable(),
  /** Tracker keys: the API token they were made with; they end with it. */
  parent: z.string().nullable(),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  usesLeft: z.number().int().nullable(),
});
export type TokenDocument = z.infer<typeof TokenDocument>;

/**
 * `uploads/<id>/upload.json`: the state of an upload. What was declared and what was asked for is
 * large and never changes, so it lies beside it as the object `plan`.
 */
export const UploadDocument = z.looseObject({
  ...v1,
  upload: z.string(),
  app: AppName,
  version: z.string(),
  state: UploadState,
  /** Grows each time that it is completed. */
  run: z.number().int().default(0),
  /** Name of the plan's object below `uploads/<id>/`. */
  plan: z.string(),
  bytes: ByteCount,
  knownBytes: ByteCount,
  createdAt: Timestamp,
  /** The name of the token, and the id of the caller: the same tree of another is another upload. */
  createdBy: z.string(),
  creator: z.string(),
  expiresAt: Timestamp,
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type UploadDocument = z.infer<typeof UploadDocument>;

/** Sums over stages, or what one of them counts for. */
export const StageSums = z.object({
  stages: z.number().int(),
  delivered: ByteCount,
  fromOrigin: ByteCount,
  fromPeers: ByteCount,
  reused: ByteCount,
  wasted: ByteCount,
});
export type StageSums = z.infer<typeof StageSums>;

/** `ledger/<day>/<replica>.json`: at most ten seconds behind. */
export const LedgerDocument = z.looseObject({
  ...v1,
  day: z.string(),
  replica: z.string(),
  /** Origin bytes by artifact and reason. */
  origin: z.record(z.string(), z.record(z.string(), ByteCount)),
  /** Completed and failed stages by artifact. */
  stages: z.record(z.string(), StageSums),
  /** Highest sequence counted, by `<reporter>/<session>`: what makes reports idempotent. */
  seen: z.record(z.string(), z.number().int()),
  /** Sums per five minutes of the day, for the chart. */
  series: z.record(
    z.string(),
    z.object({ delivered: ByteCount, origin: ByteCount, peers: ByteCount, reused: ByteCount }),
  ),
});
export type LedgerDocument = z.infer<typeof LedgerDocument>;

/**
 * `apps/<app>/retired/<version>.json`: the release is given up. Its document stays, so that the
 * version keeps its meaning and is never used again; its content is collected.
 */
export const RetiredDocument = z.looseObject({
  ...v1,
  app: AppName,
  version: z.string(),
  retiredAt: Timestamp,
});
export type RetiredDocument = z.infer<typeof RetiredDocument>;
