import { createHash } from 'node:crypto';

import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { uploadKey, type Depot, type PartedObject } from '#lib/depot';
import { defaultPieceLength, rootOfPieceLayer } from '#lib/torrent';

import { DEPOT } from '../depot/depot.tokens.js';
import { ChunkBody } from '../uploads/body-source.js';
import { HashedParts } from '../uploads/hashed-parts.js';
import { keptOf } from '../uploads/part-cut.js';
import type { GatheredFile } from '../uploads/single-file-uploads.js';
import { partCountOf, partLengthOf } from '../uploads/upload-planner.js';
import type { PlanObject } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { ImportStore } from './import-store.js';

/** A file of known length on its way in, part by part. */
export interface Gathering {
  readonly parted: PartedObject;
  /** Of the source; null when it cannot be gone on with. */
  readonly version: string | null;
  /** The first byte that is lacking. */
  readonly offset: number;
  readonly isWhole: boolean;
}

/** Nobody knows the root before all is there, and of a file in several parts nobody asks. */
const NO_ROOT = '0'.repeat(64);

/** Keeps what was fetched of a large file, so that an interruption costs a part and not the whole. */
@Injectable()
export class GatheringParts {
  constructor(
    private readonly imports: ImportStore,
    private readonly uploads: UploadStore,
    private readonly parts: HashedParts,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /** What an earlier run has left; null if there is nothing that can be gone on with. */
  async find(id: string): Promise<Gathering | null> {
    const gathering = (await this.imports.find(id))?.gathering;
    if (!gathering) return null;
    const { parted, version } = gathering;
    const there = await this.#received(parted);
    const count = partCountOf(plannedOf(parted, NO_ROOT));
    const first = Array.from({ length: count }).findIndex((_, part) => !there.has(part));
    const isWhole = first < 0;
    if (version === null && !isWhole) {
      await this.drop(id, parted);
      return null;
    }
    return {
      parted,
      version,
      offset: isWhole ? parted.length : first * parted.partLength,
      isWhole,
    };
  }

  async begin(
    id: string,
    source: {
      readonly length: number;
      readonly partBytes: number;
      readonly version: string | null;
    },
  ): Promise<Gathering> {
    const { length, partBytes, version } = source;
    const parted = await this.depot.beginParts(uploadKey(id, 'content'), length, partBytes);
    const written = await this.imports.update(id, (current) =>
      current?.state === 'open' ? { ...current, gathering: { version, parted } } : null,
    );
    if (written) return { parted, version, offset: 0, isWhole: false };
    await this.depot.abortParts(parted);
    throw new FleetseedError('IMPORT_NOT_FOUND', 'The import was cancelled.', { import: id });
  }

  /** Stores `bytes`, which begin at the offset of the gathering. */
  async store(
    id: string,
    { parted, offset }: Gathering,
    bytes: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const planned = plannedOf(parted, NO_ROOT);
    const pieceLength = defaultPieceLength(parted.length);
    const body = new ChunkBody(bytes);
    try {
      for (let part = offset / parted.partLength; part < partCountOf(planned); part++) {
        signal.throwIfAborted();
        const incoming = { upload: id, planned, parted, part, pieceLength };
        const isNew = await this.parts.put(
          { ...incoming, withV1: true, digest: false },
          body,
          (hashes) => keptOf(planned, part, pieceLength, hashes),
          signal,
        );
        // Of a part that another run has brought meanwhile nothing was read.
        if (!isNew) await body.skip(partLengthOf(planned, part));
      }
    } finally {
      await body.close();
    }
  }

  /** The SHA-256 of all bytes, hex, by reading them. Nothing can be added after this. */
  async digest(parted: PartedObject, signal: AbortSignal): Promise<string> {
    try {
      await this.depot.commitParts(parted);
    } catch (error) {
      if (!(error instanceof FleetseedError) || error.code !== 'UPLOAD_NOT_FOUND') throw error;
    }
    const hash = createHash('sha256');
    for await (const chunk of await this.depot.streamObject(parted.key, undefined, { signal })) {
      hash.update(chunk as Buffer);
    }
    return hash.digest('hex');
  }

  /** The file that all parts make. */
  async file(id: string, parted: PartedObject): Promise<GatheredFile> {
    const planned = plannedOf(parted, NO_ROOT);
    const hashes = await this.uploads.hashes.read(id, planned, partCountOf(planned));
    const layer = Buffer.concat(hashes.map((part) => part.layer));
    const root = rootOfPieceLayer(layer, defaultPieceLength(parted.length)).toString('hex');
    return { bytes: parted.length, root, objects: [plannedOf(parted, root)] };
  }

  /** Forgets what was gathered. */
  async drop(id: string, parted: PartedObject): Promise<void> {
    await this.imports.update(id, (current) =>
      current?.gathering?.parted.handle === parted.handle ? { ...current, gathering: null } : null,
    );
    await this.depot.abortParts(parted);
    await this.uploads.hashes.drop(id, plannedOf(parted, NO_ROOT));
    await this.depot.delete(parted.key);
  }

  async #received(parted: PartedObject): Promise<Set<number>> {
    try {
      return new Set(await this.depot.listParts(parted));
    } catch (error) {
      if (!(error instanceof FleetseedError) || error.code !== 'UPLOAD_NOT_FOUND') throw error;
      // Put together by a run that ended right after that, or dropped.
      const stat = await this.depot.statObject(parted.key);
      const count = partCountOf(plannedOf(parted, NO_ROOT));
      return new Set(stat?.length === parted.length ? Array.from({ length: count }).keys() : []);
    }
  }
}

function plannedOf(parted: PartedObject, root: string): PlanObject {
  const { length, partLength } = parted;
  return {
    object: 'f0',
    bytes: length,
    partBytes: partLength,
    entries: [{ root, length }],
    source: { parted },
  };
}
