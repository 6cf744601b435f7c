import type { InstalledSeed } from '#lib/swarm';

import type { InstalledRelease } from '../journal/app-state.js';

/** A release on this machine. */
export interface HeldRelease {
  readonly home: string;
  readonly release: InstalledRelease;
}

export interface SeededRelease extends HeldRelease {
  readonly seed: InstalledSeed;
}

/**
 * Which releases hold which artifact, and which of them is seeded: several releases, also of several
 * apps, may have the same content, and a swarm knows this machine once.
 */
export class HeldArtifacts {
  readonly #releases = new Map<string, HeldRelease[]>();
  readonly #seeds = new Map<string, SeededRelease>();

  get seeds(): SeededRelease[] {
    return [...this.#seeds.values()];
  }

  /** Artifacts of which every byte is here and served. */
  get whole(): string[] {
    return this.seeds
      .filter(({ seed }) => seed.torrent.have.all)
      .map(({ release }) => release.artifact);
  }

  seedOf(artifact: string): SeededRelease | null {
    return this.#seeds.get(artifact) ?? null;
  }

  /** The seed of an artifact, if it is this release that is seeded. */
  seedAt(home: string, folder: string, artifact: string): InstalledSeed | null {
    const held = this.#seeds.get(artifact);
    return held && isSame(held, home, folder) ? held.seed : null;
  }

  /** Any release that has the artifact. */
  releaseOf(artifact: string): HeldRelease | null {
    return this.#releases.get(artifact)?.[0] ?? null;
  }

  add(home: string, release: InstalledRelease): void {
    const others = this.#releases.get(release.artifact) ?? [];
    const known = others.some((each) => isSame(each, home, release.folder));
    if (!known) this.#releases.set(release.artifact, [...others, { home, release }]);
  }

  seeding(home: string, release: InstalledRelease, seed: InstalledSeed): void {
    this.add(home, release);
    this.#seeds.set(release.artifact, { home, release, seed });
  }

  silent(artifact: string): void {
    this.#seeds.delete(artifact);
  }

  remove(home: string, { artifact, folder }: InstalledRelease): void {
    const others = (this.#releases.get(artifact) ?? []).filter(
      (each) => !isSame(each, home, folder),
    );
    if (others.length > 0) this.#releases.set(artifact, others);
    else this.#releases.delete(artifact);
  }
}

function isSame(held: HeldRelease, home: string, folder: string): boolean {
  return held.home === home && held.release.folder === folder;
}
