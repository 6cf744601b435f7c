import { UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import { FleetseedError } from '#lib/contracts';

import {
  assertParts,
  partCount,
  partRange,
  uploadGone,
  uploadIncomplete,
} from '../depot-checks.js';
import { assertKey } from '../depot-key.js';
import type { DepotLimits, PartedObject } from '../depot.js';
import type { DirectParts } from '../direct-parts.js';
import type { S3Door } from './s3-door.js';
import { S3Multipart, type StoredPart } from './s3-multipart.js';

const HANDLE = /^direct\.(\S{1,1024})$/;
/** The longest that a signature of S3 may hold. */
const LONGEST_SECONDS = 7 * 86_400;

/** Uploads in parts of S3 whose parts are sent by holders of signed URLs. */
export class S3DirectParts implements DirectParts {
  constructor(
    private readonly door: S3Door,
    private readonly limits: DepotLimits,
  ) {}

  async begin(key: string, length: number, partLength: number): Promise<PartedObject> {
    assertKey(key);
    assertParts(length, partLength, this.limits);
    const { uploadId } = await S3Multipart.begin(this.door, key);
    return { key, handle: `direct.${uploadId}`, length, partLength };
  }

  async urlOf(parted: PartedObject, index: number, seconds: number): Promise<string> {
    const { length } = partRange(parted, index);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_SECONDS) {
      const text = 'A URL holds from one second to seven days.';
      throw new FleetseedError('REQUEST_INVALID', text, { seconds });
    }
    const { uploadId } = this.#of(parted);
    const command = new UploadPartCommand({
      ...this.door.at(parted.key),
      UploadId: uploadId,
      PartNumber: index + 1,
      ContentLength: length,
    });
    // The length is signed, so that a URL is good for no more than its part.
    const signableHeaders = new Set(['host', 'content-length']);
    return getSignedUrl(this.door.signer, command, { expiresIn: seconds, signableHeaders });
  }

  async list(parted: PartedObject): Promise<number[]> {
    return [...(await this.#present(parted)).keys()];
  }

  async commit(parted: PartedObject): Promise<void> {
    const upload = this.#of(parted);
    // A part that is sent again meanwhile has another ETag, and the store says so.
    for (let round = 0; round < 3; round++) {
      const present = await this.#present(parted);
      if (present.size < partCount(parted)) throw uploadIncomplete(parted, present.size);
      const etags = [...present.values()].map(({ etag }) => etag);
      const completion = await upload.complete(etags, parted.length);
      if (completion === 'done') return;
      if (completion === 'ended') throw uploadGone(parted);
    }
    throw uploadIncomplete(parted, 0);
  }

  async abort(parted: PartedObject): Promise<void> {
    await this.#of(parted).abort();
  }

  /** The parts that are right by their length, in order. */
  async #present(parted: PartedObject): Promise<Map<number, StoredPart>> {
    const parts = await this.#of(parted).parts();
    if (!parts) throw uploadGone(parted);
    const present = new Map<number, StoredPart>();
    for (let index = 0; index < partCount(parted); index++) {
      const part = parts.get(index + 1);
      if (part?.length === partRange(parted, index).length) present.set(index, part);
    }
    return present;
  }

  #of(parted: PartedObject): S3Multipart {
    const [, uploadId] = HANDLE.exec(parted.handle) ?? [];
    if (uploadId === undefined) throw uploadGone(parted);
    return new S3Multipart(this.door, parted.key, uploadId);
  }
}
