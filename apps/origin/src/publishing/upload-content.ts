import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, type ErrorCode } from '#lib/contracts';
import { BlobStore, leavesLength, type ContentSource, type Depot, type Place } from '#lib/depot';
import { sideBySide } from '#lib/runtime';
import { fileRoot, HASH_LENGTH, rootOfPieceLayer } from '#lib/torrent';

import { DEPOT } from '../depot/depot.tokens.js';
import { rootMismatch, type PartHashes } from '../uploads/part-hashes.js';
import { partCountOf } from '../uploads/upload-planner.js';
import type { PlanObject, UploadPlan, UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { DirectContent } from './direct-content.js';

/** Verified content in its place for good. */
export interface StoredContent {
  readonly place: Place;
  /** Hashes of its v2 pieces, when it is longer than one. */
  readonly layer: Buffer | null;
  /** Hashes of its v1 pieces, when they were made on its way in. */
  readonly sha1: Buffer | null;
}

interface CarriedFile {
  readonly root: string;
  readonly length: number;
  readonly leaves: Buffer;
  readonly layer: Buffer | null;
}

const OBJECTS_AT_ONCE = 4;
const USELESS = new Set<ErrorCode>(['ROOT_MISMATCH', 'DEPOT_INTEGRITY']);

/** Brings what was sent from the upload into the store of content, once its roots are proven. */
@Injectable()
export class UploadContent {
  constructor(
    private readonly uploads: UploadStore,
    private readonly blobs: BlobStore,
    private readonly direct: DirectContent,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /**
   * Stores every object of the plan; costs a look at hashes, not at bytes. May be repeated after an
   * interruption at any point.
   * @param stored is told after each object
   * @throws ROOT_MISMATCH; the object's parts are dropped then
   */
  async store(
    record: UploadRecord,
    plan: UploadPlan,
    stored: () => void,
    signal: AbortSignal,
  ): Promise<Map<string, StoredContent>> {
    const contents = new Map<string, StoredContent>();
    await sideBySide(plan.objects, OBJECTS_AT_ONCE, async (planned) => {
      signal.throwIfAborted();
      for (const [root, content] of await this.#storeObject(record, plan, planned, signal)) {
        contents.set(root, content);
      }
      stored();
    });
    return contents;
  }

  async #storeObject(
    record: UploadRecord,
    plan: UploadPlan,
    planned: PlanObject,
    signal: AbortSignal,
  ): Promise<[string, StoredContent][]> {
    const source = await this.#sourceOf(record, plan, planned, signal);
    const hashes = await this.#hashesOf(record.upload, planned);
    const files = await this.#verified(record.upload, planned, hashes, plan.pieceLength);
    const isPack = planned.object.startsWith('p');
    const places = isPack
      ? await this.blobs.putPack(files, source)
      : [await this.blobs.putBlob(files[0]!, source)];
    const sha1 = hashes.sha1.length > 0 ? hashes.sha1 : null;
    return files.map(({ root, layer }, index) => [root, { place: places[index]!, layer, sha1 }]);
  }

  /** What nobody has looked at yet is read and hashed first. */
  async #sourceOf(
    record: UploadRecord,
    plan: UploadPlan,
    planned: PlanObject,
    signal: AbortSignal,
  ): Promise<ContentSource> {
    const { source } = planned;
    if (!('direct' in source)) return source;
    return this.#orDropped(record.upload, planned, () =>
      this.direct.verify(record.upload, plan, planned, source.direct, signal),
    );
  }

  /** The files an object carries, each proven to hash to its root. */
  async #verified(
    upload: string,
    planned: PlanObject,
    hashes: PartHashes,
    pieceLength: number,
  ): Promise<CarriedFile[]> {
    let leavesAt = 0;
    let layerAt = 0;
    const files: CarriedFile[] = [];
    for (const { root, length } of planned.entries) {
      const leaves = hashes.leaves.subarray(leavesAt, (leavesAt += leavesLength(length)));
      const pieces = length > pieceLength ? Math.ceil(length / pieceLength) : 0;
      const layer = hashes.layer.subarray(layerAt, (layerAt += pieces * HASH_LENGTH));
      const found = pieces > 0 ? rootOfPieceLayer(layer, pieceLength) : fileRoot(leaves, length);
      if (found?.toString('hex') !== root) {
        await this.#drop(upload, planned);
        throw rootMismatch(root);
      }
      files.push({ root, length, leaves, layer: pieces > 0 ? layer : null });
    }
    return files;
  }

  async #hashesOf(upload: string, planned: PlanObject): Promise<PartHashes> {
    const parts = await this.#partHashes(upload, planned);
    return {
      leaves: Buffer.concat(parts.map(({ leaves }) => leaves)),
      layer: Buffer.concat(parts.map(({ layer }) => layer)),
      sha1: Buffer.concat(parts.map(({ sha1 }) => sha1)),
    };
  }

  #partHashes(upload: string, planned: PlanObject): Promise<PartHashes[]> {
    const count = partCountOf(planned);
    const read = () => this.uploads.hashes.read(upload, planned, count);
    return this.#orDropped(upload, planned, read);
  }

  /** Bytes that are not what they should be, or of which nobody knows, are of no use to another try. */
  async #orDropped<T>(upload: string, planned: PlanObject, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof FleetseedError && USELESS.has(error.code))
        await this.#drop(upload, planned);
      throw error;
    }
  }

  async #drop(upload: string, planned: PlanObject): Promise<void> {
    const { source } = planned;
    await this.uploads.abortParts(planned);
    if ('direct' in source) await this.depot.delete(source.direct.key);
    if ('object' in source) await this.depot.delete(source.object);
    await this.uploads.hashes.drop(upload, planned);
  }
}
