import { z } from 'zod';

import { AppName, ChannelName, Timestamp, VersionName } from '../names.js';
import { ArtifactSummary } from './artifacts.js';

/** A version of an app, bound to one artifact for ever. */
export const Release = ArtifactSummary.extend({
  app: AppName,
  version: VersionName,
  createdAt: Timestamp,
  /** The name of the token that pushed it. */
  createdBy: z.string(),
});
export type Release = z.infer<typeof Release>;

export const AppSummary = z.object({
  app: AppName,
  releases: z.number().int().nonnegative(),
  channels: z.array(z.object({ channel: ChannelName, version: VersionName })),
});
export type AppSummary = z.infer<typeof AppSummary>;

/** Lists page: pass `next` back as `after`; null means that was the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}
export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

export const PageQuery = z.object({
  after: z.string().max(512).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** One entry of a channel's history; the newest is what the channel means now. */
export const ChannelState = z.object({
  app: AppName,
  channel: ChannelName,
  /** Grows by one with every move; a rollback is a new, higher sequence. */
  sequence: z.number().int().positive(),
  version: VersionName,
  artifact: z.string(),
  policy: z.enum(['immediate']),
  movedAt: Timestamp,
  movedBy: z.string(),
});
export type ChannelState = z.infer<typeof ChannelState>;

export const MoveChannel = z.object({
  version: VersionName,
  /** Optimistic concurrency: refuse unless this is the current sequence (0: must not exist yet). */
  expectedSequence: z.number().int().nonnegative().optional(),
});
export type MoveChannel = z.infer<typeof MoveChannel>;
