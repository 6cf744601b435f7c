import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { ArtifactContent, ArtifactStore, type ContentReads } from '#lib/depot';
import { parseMetainfo, PieceMap, type Metainfo } from '#lib/torrent';

import { CONTENT_READS } from '../content-cache/content-cache.tokens.js';
import { ArtifactPayload } from './artifact-payload.js';

/** An artifact as the depot has it, ready to be served. */
export interface OpenArtifact {
  /** The v2 info-hash in hex. */
  readonly artifact: string;
  /** The `.torrent` without trackers, byte for byte. */
  readonly torrent: Buffer;
  readonly metainfo: Metainfo;
  readonly pieces: PieceMap;
  readonly content: ArtifactContent;
  readonly payload: ArtifactPayload;
}

const MAX_KEPT = 64;
/** Of `.torrent` bytes; parsed, an artifact takes a few times as much. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Opens artifacts by hash and keeps those that were used last. */
@Injectable()
export class ArtifactLibrary {
  /** In order of last use. */
  readonly #kept = new Map<string, Promise<OpenArtifact>>();
  readonly #bytes = new Map<string, number>();

  constructor(
    private readonly artifacts: ArtifactStore,
    @Inject(CONTENT_READS) private readonly reads: ContentReads,
  ) {}

  /** @throws ARTIFACT_NOT_FOUND */
  async open(artifact: string): Promise<OpenArtifact> {
    const kept = this.#kept.get(artifact) ?? this.#read(artifact);
    this.#kept.delete(artifact);
    this.#kept.set(artifact, kept);
    try {
      const opened = await kept;
      this.#trim(artifact, opened.torrent.length);
      return opened;
    } catch (error) {
      if (this.#kept.get(artifact) === kept) this.#kept.delete(artifact);
      throw error;
    }
  }

  /** The artifact is about to be removed. */
  forget(artifact: string): void {
    this.#kept.delete(artifact);
    this.#bytes.delete(artifact);
  }

  async #read(artifact: string): Promise<OpenArtifact> {
    const [torrent, content] = await Promise.all([
      this.artifacts.readTorrent(artifact),
      ArtifactContent.open(artifact, this.artifacts, this.reads),
    ]);
    if (!torrent) throw unknownArtifact(artifact);
    const metainfo = parseMetainfo(torrent);
    return {
      artifact,
      torrent,
      metainfo,
      pieces: new PieceMap(metainfo),
      content,
      payload: new ArtifactPayload(metainfo, content),
    };
  }

  #trim(artifact: string, bytes: number): void {
    this.#bytes.set(artifact, bytes);
    let total = 0;
    for (const size of this.#bytes.values()) total += size;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT && total <= MAX_KEPT_BYTES) return;
      if (oldest === artifact) return;
      total -= this.#bytes.get(oldest) ?? 0;
      this.#kept.delete(oldest);
      this.#bytes.delete(oldest);
    }
  }
}

export function unknownArtifact(artifact: string): FleetseedError {
  return new FleetseedError('ARTIFACT_NOT_FOUND', `There is no artifact ${artifact}.`, {
    artifact,
  });
}
