import { z } from 'zod';

import { AppName, ByteCount, ChannelName, Hex32, VersionName } from '#lib/contracts';

/** A release whose every byte was verified and that stands complete under `releases/<folder>`. */
export const InstalledRelease = z.looseObject({
  version: VersionName,
  artifact: Hex32,
  /** Name below `releases/`: `<version>-<first 12 of the v2 hash>`. */
  folder: z.string(),
  bytes: ByteCount,
  stagedAt: z.number(),
});
export type InstalledRelease = z.infer<typeof InstalledRelease>;

/**
 * What the agent knows of one app across restarts. The disk is the truth for `current` and
 * `previous`: they are links, and are read back at every start.
 */
export const AppState = z.looseObject({
  v: z.literal(1),
  app: AppName,
  channel: ChannelName,
  /** The app's folder on this target. */
  home: z.string(),
  /** The newest channel entry acted on; an older one never takes effect again. */
  sequence: z.number().int().nonnegative(),
  releases: z.array(InstalledRelease),
  /** Written before links are moved, so that a crash in between is finished at the next start. */
  intent: z.object({ activate: VersionName, artifact: Hex32 }).nullable(),
});
export type AppState = z.infer<typeof AppState>;

export function newAppState(app: string, channel: string, home: string): AppState {
  return { v: 1, app, channel, home, sequence: 0, releases: [], intent: null };
}

/** The folder of a release: readable, and never the same for two contents of one version. */
export function releaseFolder(version: string, artifact: string): string {
  return `${version}-${artifact.slice(0, 12)}`;
}
