import { Injectable } from '@nestjs/common';

import type { Release, Upload, UploadObject } from '#lib/contracts';
import { sideBySide } from '#lib/runtime';

import { ReleaseCatalog } from '../releases/release-catalog.js';
import type { DeclaredTree } from './declared-tree.js';
import { partCountOf, partLengthOf } from './upload-planner.js';
import type { PlanObject, UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

const LOOKS_AT_ONCE = 16;

/** Uploads as the API shows them. */
@Injectable()
export class UploadViews {
  readonly #progress = new Map<string, number>();
  /** What of an open upload is there whole stays there: no event looks at it again. */
  readonly #whole = new WeakMap<PlanObject, UploadObject>();

  constructor(
    private readonly store: UploadStore,
    private readonly catalog: ReleaseCatalog,
  ) {}

  /** How far the publishing of an upload is, 0 to 1; kept only while it runs. */
  setProgress(id: string, progress: number | null): void {
    if (progress === null) this.#progress.delete(id);
    else this.#progress.set(id, progress);
  }

  /** With every object that is lacking, while the upload is open. */
  async whole(record: UploadRecord): Promise<Upload> {
    const objects = record.state === 'open' ? await this.#objects(record) : [];
    return this.#view(record, objects, objects);
  }

  /** Without the list of objects, which may have megabytes: what changes while parts come in. */
  async brief(record: UploadRecord): Promise<Upload> {
    return this.#view(record, [], record.state === 'open' ? await this.#objects(record) : []);
  }

  /** A version that exists with just this content: there is nothing to send. */
  published(id: string, tree: DeclaredTree, release: Release, expiresAt: number): Upload {
    return {
      upload: id,
      app: release.app,
      version: release.version,
      state: 'published',
      objects: [],
      bytes: tree.bytes,
      knownBytes: tree.bytes,
      receivedBytes: 0,
      expiresAt,
      progress: 1,
      release,
      error: null,
    };
  }

  async #view(
    record: UploadRecord,
    shown: UploadObject[],
    counted: readonly UploadObject[],
  ): Promise<Upload> {
    const { upload, app, version, state, bytes, knownBytes, expiresAt, error } = record;
    const isPublished = state === 'published';
    return {
      upload,
      app,
      version,
      state,
      objects: shown,
      bytes,
      knownBytes,
      receivedBytes: state === 'open' ? receivedBytes(counted) : bytes - knownBytes,
      expiresAt,
      progress: isPublished ? 1 : (this.#progress.get(upload) ?? 0),
      release: isPublished ? await this.catalog.find(app, version) : null,
      error,
    };
  }

  async #objects(record: UploadRecord): Promise<UploadObject[]> {
    const plan = await this.store.plan(record);
    const objects: UploadObject[] = [];
    await sideBySide(plan.objects.entries(), LOOKS_AT_ONCE, async ([index, planned]) => {
      objects[index] = this.#whole.get(planned) ?? (await this.#look(planned));
    });
    return objects;
  }

  async #look(planned: PlanObject): Promise<UploadObject> {
    const { object, bytes, partBytes, entries, source } = planned;
    const received = await this.store.received(planned);
    const direct = 'direct' in source ? { direct: true } : {};
    const found = { object, bytes, partBytes, entries, received, ...direct };
    if (received.length === partCountOf(planned)) this.#whole.set(planned, found);
    return found;
  }
}

function receivedBytes(objects: readonly UploadObject[]): number {
  let sum = 0;
  for (const object of objects) {
    for (const part of object.received) sum += partLengthOf(object, part);
  }
  return sum;
}
