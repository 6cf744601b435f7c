import type { ArtifactSummary } from '#lib/contracts';

import type { InstalledRelease } from '../journal/app-state.js';

export interface StageOrder {
  readonly app: string;
  readonly version: string;
  readonly artifact: ArtifactSummary;
  /** The app's folder; the release is to stand under `releases/` in it. */
  readonly home: string;
}

export interface StageProgress {
  /** Share of the artifact that is verified on this machine, 0 to 1. */
  readonly fraction: number;
  readonly bytesPerSecond: number;
}

/**
 * Brings releases onto the machine and seeds what is there.
 *
 * - `stage` resolves when the release stands complete, verified and durable under its final name, and
 *   is seeded from there. What an earlier try has verified is not fetched again. Rejects with
 *   NO_SPACE, DISK_IO, HASH_MISMATCH, ORIGIN_UNREACHABLE … and leaves nothing under the final name.
 * - `confirm` tells whether every byte of an installed release is still as it was verified. It may start
 *   to put right what is not.
 * - `seed` takes up seeding of an installed release at the start; it may wait for the origin.
 * - `forget` stops seeding and removes the release's files: at once under the name of the release, then
 *   one by one.
 */
export interface Stager {
  stage(
    order: StageOrder,
    signal: AbortSignal,
    onProgress: (progress: StageProgress) => void,
  ): Promise<InstalledRelease>;
  confirm(home: string, release: InstalledRelease, signal: AbortSignal): Promise<boolean>;
  seed(home: string, release: InstalledRelease): void;
  forget(home: string, release: InstalledRelease): Promise<void>;
}
