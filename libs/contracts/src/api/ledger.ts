import { z } from 'zod';

import { AppName, ByteCount, Hex32, Timestamp, VersionName } from '../names.js';

/**
 * One finished or failed stage, as the machine that received it measured it (payload bytes).
 * Records are idempotent by (reporter, session, sequence). Identity: delivered = fromOrigin +
 * fromPeers + reused + residual; only completed stages count as delivered.
 */
export const LedgerRecord = z.object({
  session: z.string().min(8).max(64),
  sequence: z.number().int().positive(),
  at: Timestamp,
  artifact: Hex32,
  app: AppName.nullable(),
  version: VersionName.nullable(),
  completed: z.boolean(),
  /** Verified bytes of the artifact that are now on the machine. */
  delivered: ByteCount,
  fromOrigin: ByteCount,
  fromPeers: ByteCount,
  reused: ByteCount,
  /** Received in vain: wrong, double or aborted. */
  wasted: ByteCount,
  seconds: z.number().nonnegative(),
});
export type LedgerRecord = z.infer<typeof LedgerRecord>;

export const SavingsLine = z.object({
  delivered: ByteCount,
  /** All payload bytes the origin sent, counted by the origin alone. */
  origin: ByteCount,
  peers: ByteCount,
  reused: ByteCount,
  wasted: ByteCount,
  /** delivered − (origin bytes that completed stages say they used) − peers − reused. */
  residual: z.number().int(),
  /** 1 − origin / delivered, not below 0. */
  ratio: z.number(),
});
export type SavingsLine = z.infer<typeof SavingsLine>;

export const ArtifactSavings = SavingsLine.extend({
  artifact: Hex32,
  app: z.string().nullable(),
  version: z.string().nullable(),
  bytes: ByteCount,
  stages: z.number().int().nonnegative(),
});
export type ArtifactSavings = z.infer<typeof ArtifactSavings>;

export const Savings = SavingsLine.extend({
  /** Origin bytes by why they were sent. */
  originByReason: z.record(z.string(), ByteCount),
  artifacts: z.array(ArtifactSavings),
});
export type Savings = z.infer<typeof Savings>;

/** Points of the dashboard's chart: sums of `stepMs` each, oldest first. */
export const SavingsSeries = z.object({
  stepMs: z.number().int().positive(),
  points: z.array(
    z.object({
      at: Timestamp,
      delivered: ByteCount,
      origin: ByteCount,
      peers: ByteCount,
      reused: ByteCount,
    }),
  ),
});
export type SavingsSeries = z.infer<typeof SavingsSeries>;
