import { Injectable } from '@nestjs/common';

import { ReaderPool, type Place } from '#lib/depot';
import { ioBuffer } from '#lib/runtime';
import { PieceHasherV1, v1Stream } from '#lib/torrent';

import type { UploadPlan } from '../uploads/upload-record.js';
import type { StoredContent } from './upload-content.js';

const READ_BYTES = 1024 * 1024;

/** The SHA-1 pieces of hybrid artifacts: from hashing on the way in, or by reading back. */
@Injectable()
export class V1Pieces {
  constructor(private readonly readers: ReaderPool) {}

  async of(
    plan: UploadPlan,
    contents: ReadonlyMap<string, StoredContent>,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const [file] = plan.request.files;
    const streamed = plan.request.single ? contents.get(file?.root ?? '')?.sha1 : null;
    return streamed ?? this.#readBack(plan, contents, signal);
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
    const buffer = ioBuffer(Math.min(READ_BYTES, place.length));
    for (let at = 0; at < place.length; at += buffer.length) {
      signal.throwIfAborted();
      const count = Math.min(buffer.length, place.length - at);
      await this.readers.read(place.object, buffer, 0, count, place.offset + at);
      hasher.update(buffer.subarray(0, count));
    }
  }
}
