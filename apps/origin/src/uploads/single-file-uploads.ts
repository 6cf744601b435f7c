import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type DeclaredFile, type StartUpload } from '#lib/contracts';
import { leavesLength, MAX_PACK_BYTES, PACKED_BELOW, uploadKey, type Depot } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';
import { BoundedBody, type BodySource } from './body-source.js';
import { contentCut, contentOf } from './content-hasher.js';
import { GatheredUploads, type UploadCreator } from './gathered-uploads.js';
import { UploadHashing } from './upload-hashing.js';
import type { PlanObject, UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

/** What a file will be called. */
export interface FileTarget {
  readonly app: string;
  readonly version: string;
  /** The file's name in the artifact. */
  readonly name: string;
}

/** Content that is below `uploads/<id>/`, hashed. */
export interface GatheredFile {
  readonly bytes: number;
  /** Null for an empty file. */
  readonly root: string | null;
  readonly objects: readonly PlanObject[];
}

/** What is kept of a file until it is published has to fit a document of the depot. */
const MAX_LEAVES_BYTES = 48 * 1024 * 1024;
export const MAX_STREAMED_BYTES = (MAX_LEAVES_BYTES / 32) * 16_384;

/** Uploads of one file whose root shows only when it has come. */
@Injectable()
export class SingleFileUploads {
  constructor(
    private readonly store: UploadStore,
    private readonly hashing: UploadHashing,
    private readonly gathered: GatheredUploads,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /**
   * Stores a file that comes in one stream, hashed once on its way in.
   * @param length of the body; null if it shows at the end
   * @throws PAYLOAD_TOO_LARGE, DEPOT_FULL
   */
  async gather(
    id: string,
    body: BodySource,
    length: number | null,
    signal?: AbortSignal,
  ): Promise<GatheredFile> {
    if (length !== null && leavesLength(length) > MAX_LEAVES_BYTES) throw tooLarge();
    const cut = contentCut(length);
    const hasher = this.hashing.open(cut);
    try {
      const bounded = new BoundedBody(body, MAX_STREAMED_BYTES, tooLarge);
      await this.depot.putObject(uploadKey(id, 'content'), hasher.through(bounded), {
        ...(length === null ? {} : { length }),
        ...(signal === undefined ? {} : { signal }),
        ...hasher.lending,
      });
      const { bytes, root, hashes } = contentOf(cut, await hasher.finish());
      const objects = root === null ? [] : [objectOf(id, root, bytes)];
      for (const object of objects) await this.store.hashes.write(id, object, 0, hashes);
      return { bytes, root, objects };
    } finally {
      this.hashing.close(hasher);
    }
  }

  /** Makes an upload of what was gathered: it can be published, and is kept until then. */
  record(
    id: string,
    { app, version, name }: FileTarget,
    { bytes, root, objects }: GatheredFile,
    creator: UploadCreator,
  ): Promise<UploadRecord> {
    const file: DeclaredFile = { path: [name], length: bytes, root, executable: false };
    const request: StartUpload = { version, name, single: true, format: 'hybrid', files: [file] };
    return this.gathered.record(id, app, { request, objects }, creator);
  }
}

function objectOf(id: string, root: string, bytes: number): PlanObject {
  return {
    object: bytes < PACKED_BELOW ? 'p0' : 'f0',
    bytes,
    partBytes: Math.max(bytes, MAX_PACK_BYTES),
    entries: [{ root, length: bytes }],
    source: { object: uploadKey(id, 'content') },
  };
}

function tooLarge(): FleetseedError {
  return new FleetseedError(
    'PAYLOAD_TOO_LARGE',
    'A file that comes in one stream has at most 24 GiB; `fleetseed push` sends more, in parts.',
    { limit: MAX_STREAMED_BYTES },
  );
}
