import { Injectable } from '@nestjs/common';

import { ReaderPool, type Place } from '#lib/depot';
import { PieceHasherV1, v1Stream } from '#lib/torrent';

import { partCountOf } from '../uploads/upload-planner.js';
import type { UploadPlan, UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import type { StoredContent } from './upload-content.js';

const READ_BYTES = 1024 * 1024;

/** The SHA-1 pieces of hybrid artifacts: from hashing on the way in, or by reading back. */
@Injectable()
export class V1Pieces {
  constructor(
    private readonly uploads: UploadStore,
    private readonly readers: ReaderPool,
  ) {}

  async of(
    record: UploadRecord,
    plan: UploadPlan,
    contents: ReadonlyMap<string, StoredContent>,
    signal: AbortSignal,
  ): Promise<Buffer> {
    return (await this.#streamed(record, plan)) ?? this.#readBack(plan, contents, signal);
  }

  /** Of a single file that was sent: its parts begin at pieces, so their hashes join. */
  async #streamed(record: UploadRecord, plan: UploadPlan): Promise<Buffer | null> {
    const [planned] = plan.objects;
    if (!plan.request.single || !planned) return null;
    const pieces: Buffer[] = [];
    for (let part = 0; part < partCountOf(planned); part++) {
      pieces.push((await this.uploads.readHashes(record.upload, planned.object, part)).sha1);
    }
    const joined = Buffer.concat(pieces);
    return joined.length > 0 ? joined : null;
  }

  async #readBack(
    plan: UploadPlan,
    contents: ReadonlyMap<string, StoredContent>,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const { files } = plan.request;
    const hasher = new PieceHasherV1(plan.pieceLength);
    for (const segment of v1Stream(files, plan.pieceLength, true)) {
      if ('pad' in segment) {
        hasher.pad(segment.pad);
        continue;
      }
      const { root } = files[segment.file]!;
      if (root !== null) await this.#readFile(contents.get(root)!.place, hasher, signal);
    }
    return hasher.finish();
  }

  async #readFile(place: Place, hasher: PieceHasherV1, signal: AbortSignal): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, place.length));
    for (let at = 0; at < place.length; at += buffer.length) {
      signal.throwIfAborted();
      const count = Math.min(buffer.length, place.length - at);
      await this.readers.read(place.object, buffer, 0, count, place.offset + at);
      hasher.update(buffer.subarray(0, count));
    }
  }
}
