import type { Release } from '#lib/contracts';
import type { FoundSwarm } from '#lib/tracker';

import { InfoHashMap } from './info-hash.map.js';

/** An artifact found by one of its info-hashes. */
export interface FoundArtifact extends FoundSwarm {
  readonly release: Release;
}

/**
 * The artifacts of all releases in memory, by every name they have on the wire: v2 info-hash (64 hex
 * digits), truncated v2, v1 and that of the v1 edition (40). An artifact that several releases share stands under the first
 * that was made.
 */
export class ArtifactIndex {
  readonly #artifacts = new Map<string, Release>();
  readonly #hashes = new InfoHashMap<FoundArtifact>();

  add(release: Release): void {
    const known = this.#artifacts.get(release.artifact);
    if (known && known.createdAt <= release.createdAt) return;
    this.#artifacts.set(release.artifact, release);
    const { infoHashV1, infoHashV1Only } = release;
    const swarm = swarmIdOf(release.artifact);
    if (infoHashV1) this.#hashes.set(bytesOf(infoHashV1), { release, swarm, hash: 'v1' });
    if (infoHashV1Only) {
      this.#hashes.set(bytesOf(infoHashV1Only), { release, swarm, hash: 'v1-only' });
    }
    this.#hashes.set(bytesOf(swarm), { release, swarm, hash: 'v2' });
  }

  /** No release has it any more. */
  remove(artifact: string): void {
    const release = this.#artifacts.get(artifact);
    if (!release) return;
    this.#artifacts.delete(artifact);
    const { infoHashV1, infoHashV1Only } = release;
    for (const hash of [infoHashV1, infoHashV1Only, swarmIdOf(artifact)]) {
      if (hash && this.find(hash)?.release.artifact === artifact)
        this.#hashes.delete(bytesOf(hash));
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
    return this.findBytes(bytesOf(infoHash));
  }

  /** The same by the 20 bytes. */
  findBytes(infoHash: Uint8Array): FoundArtifact | null {
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

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
