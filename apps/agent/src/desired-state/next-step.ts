import type { DesiredApp } from '#lib/contracts';

import type { AppState, InstalledRelease } from '../journal/app-state.js';

/** What to do next for one app. */
export type Step =
  | { readonly kind: 'rest' }
  | { readonly kind: 'stage'; readonly version: string; readonly artifact: string }
  | { readonly kind: 'activate'; readonly release: InstalledRelease };

/**
 * Desired state, not commands: the decision looks at what is wanted now and what is there now, so a
 * machine that was away for a month jumps straight to the newest release.
 */
export function nextStep(
  state: Pick<AppState, 'sequence' | 'releases'>,
  current: InstalledRelease | null,
  desired: DesiredApp | null,
): Step {
  const wanted = desired?.release;
  if (!desired || !wanted || desired.sequence < state.sequence) return { kind: 'rest' };
  const installed = wantedRelease(state, desired);
  if (!installed) {
    return { kind: 'stage', version: wanted.version, artifact: wanted.artifact.artifact };
  }
  if (desired.activate && current?.folder !== installed.folder) {
    return { kind: 'activate', release: installed };
  }
  return { kind: 'rest' };
}

/** The release that is wanted, if it is installed; null also for old news. */
export function wantedRelease(
  state: Pick<AppState, 'sequence' | 'releases'>,
  desired: DesiredApp | null,
): InstalledRelease | null {
  const wanted = desired?.release;
  if (!desired || !wanted || desired.sequence < state.sequence) return null;
  return state.releases.find((each) => isRelease(each, wanted)) ?? null;
}

function isRelease(
  installed: InstalledRelease,
  { version, artifact }: NonNullable<DesiredApp['release']>,
): boolean {
  return installed.artifact === artifact.artifact && installed.version === version;
}

/**
 * Releases that may go: all but the newest `keep`, the current, the previous and the wanted one.
 * Oldest first, so that an interrupted clean-up has removed the right ones.
 */
export function releasesToRemove(
  releases: readonly InstalledRelease[],
  protectedFolders: ReadonlySet<string>,
  keep: number,
): InstalledRelease[] {
  const newestFirst = releases.toSorted((a, b) => b.stagedAt - a.stagedAt);
  return newestFirst
    .slice(Math.max(0, keep))
    .filter((each) => !protectedFolders.has(each.folder))
    .reverse();
}
