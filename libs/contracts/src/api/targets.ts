import { z } from 'zod';

import {
  AppName,
  ByteCount,
  ChannelName,
  Hex32,
  Labels,
  TargetId,
  Timestamp,
  VersionName,
} from '../names.js';

/** Where an agent stands with one app; the list of research and operators, in order of progress. */
export const StagePhase = z.enum([
  'IDLE',
  'DEFERRED',
  'STAGING',
  'STAGED',
  'ACTIVATING',
  'ACTIVE',
  'FAILED',
]);
export type StagePhase = z.infer<typeof StagePhase>;

/** One artifact that a target holds or is fetching. */
export const TargetApp = z.object({
  app: AppName,
  channel: ChannelName,
  /** What the channel wants of this target; null before it heard of any. */
  wanted: VersionName.nullable(),
  current: VersionName.nullable(),
  previous: VersionName.nullable(),
  phase: StagePhase,
  artifact: Hex32.nullable(),
  /** Share of the wanted artifact that is verified on the target, 0 to 1. */
  progress: z.number(),
  bytesPerSecond: z.number(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type TargetApp = z.infer<typeof TargetApp>;

export const Target = z.object({
  target: TargetId,
  hostname: z.string(),
  labels: Labels,
  agentVersion: z.string(),
  joinedAt: Timestamp,
  lastSeenAt: Timestamp,
  online: z.boolean(),
  freeBytes: ByteCount.nullable(),
  apps: z.array(TargetApp),
});
export type Target = z.infer<typeof Target>;
