import type { InstalledSeed } from '#lib/swarm';

import type { InstalledRelease } from '../journal/app-state.js';

/** A release on this machine. */
export interface HeldRelease {
  readonly home: string;
  readonly release: InstalledRelease;
}

/**
 * Which releases hold which artifact, and which of them is seeded: several releases, also of several
 * apps, may have the same content, and a swarm knows this machine once.
 */
export class HeldArtifacts {
  readonly #releases = new Map<string, HeldRelease[]>();
  readonly #seeds = new Map<string, HeldRelease & { readonly seed: InstalledSeed }>();

  get seeds(): (HeldRelease & { readonly seed: InstalledSeed })[] {
    return [...this.#seeds.values()];
  }

  /** Artifacts of which every byte is here and served. */
  get whole(): string[] {
    return this.seeds
      .filter(({ seed }) => seed.torrent.have.all)
      .map(({ release }) => release.artifact);
  }

  seedOf(artifact: string): (HeldRelease & { readonly seed: InstalledSeed }) | null {
    return this.#seeds.get(artifact) ?? null;
  }

  add(home: string, release: InstalledRelease): void {
    const others = this.#releases.get(release.artifact) ?? [];
    const known = others.some((each) => isSame(each, home, release));
    if (!known) this.#releases.set(release.artifact, [...others, { home, release }]);
  }

  seeding(home: string, release: InstalledRelease, seed: InstalledSeed): void {
    this.add(home, release);
    this.#seeds.set(release.artifact, { home, release, seed });
  }

  silent(artifact: string): void {
    this.#seeds.delete(artifact);
  }

  /** @returns another release with the same artifact, which can be seeded instead */
  remove(home: string, release: InstalledRelease): HeldRelease | null {
    const others = (this.#releases.get(release.artifact) ?? []).filter(
      (each) => !isSame(each, home, release),
    );
    if (others.length > 0) this.#releases.set(release.artifact, others);
    else this.#releases.delete(release.artifact);
    return others[0] ?? null;
  }
}

function isSame(held: HeldRelease, home: string, release: InstalledRelease): boolean {
  return held.home === home && held.release.folder === release.folder;
}
