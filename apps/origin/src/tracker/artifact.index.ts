import type { Release } from '#lib/contracts';
import type { InfoHashKind } from '#lib/torrent';

/** An artifact found by one of its info-hashes. */
export interface FoundArtifact {
  readonly release: Release;
  readonly hash: InfoHashKind;
}

/**
 * The artifacts of all releases in memory, by every name they have on the wire: v2 info-hash (64 hex
 * digits), truncated v2, v1 and that of the v1 edition (40). An artifact that several releases share stands under the first
 * that was made.
 */
export class ArtifactIndex {
  readonly #artifacts = new Map<string, Release>();
  readonly #hashes = new Map<string, FoundArtifact>();

  add(release: Release): void {
    const known = this.#artifacts.get(release.artifact);
    if (known && known.createdAt <= release.createdAt) return;
    this.#artifacts.set(release.artifact, release);
    const { infoHashV1, infoHashV1Only } = release;
    if (infoHashV1) this.#hashes.set(infoHashV1, { release, hash: 'v1' });
    if (infoHashV1Only) this.#hashes.set(infoHashV1Only, { release, hash: 'v1-only' });
    this.#hashes.set(swarmIdOf(release.artifact), { release, hash: 'v2' });
  }

  /** No release has it any more. */
  remove(artifact: string): void {
    const release = this.#artifacts.get(artifact);
    if (!release) return;
    this.#artifacts.delete(artifact);
    const { infoHashV1, infoHashV1Only } = release;
    for (const hash of [infoHashV1, infoHashV1Only, swarmIdOf(artifact)]) {
      if (hash && this.#hashes.get(hash)?.release.artifact === artifact) this.#hashes.delete(hash);
    }
  }

  get size(): number {
    return this.#artifacts.size;
  }

  /** @param artifact v2 info-hash, 64 hex digits. */
  get(artifact: string): Release | null {
    return this.#artifacts.get(artifact) ?? null;
  }

  /** @param infoHash v1, of the v1 edition, or v2 truncated, 40 hex digits. */
  find(infoHash: string): FoundArtifact | null {
    return this.#hashes.get(infoHash) ?? null;
  }

  all(): Release[] {
    return [...this.#artifacts.values()];
  }
}

/** The swarm of an artifact: its v2 info-hash cut to the 20 bytes of the wire (BEP 52). */
export function swarmIdOf(artifact: string): string {
  return artifact.slice(0, 40);
}
