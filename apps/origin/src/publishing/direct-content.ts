import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { ContentSource, Depot, PartedObject } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

import { DEPOT } from '../depot/depot.tokens.js';
import { ChunkBody } from '../uploads/body-source.js';
import { cutOf, keptOf } from '../uploads/part-cut.js';
import { UploadHashing } from '../uploads/upload-hashing.js';
import { partCountOf, partLengthOf } from '../uploads/upload-planner.js';
import { streamsV1, type PlanObject, type UploadPlan } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';

const PARTS_AT_ONCE = 4;

/** Content that came into the depot past us: read back and hashed before it is used. */
@Injectable()
export class DirectContent {
  constructor(
    private readonly uploads: UploadStore,
    private readonly hashing: UploadHashing,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /**
   * Ends the upload of an object, so that nobody can change it any more, and hashes what is there,
   * part by part. After an interruption only parts without hashes are read again.
   * @throws ROOT_MISMATCH, UPLOAD_INCOMPLETE
   */
  async verify(
    upload: string,
    plan: UploadPlan,
    planned: PlanObject,
    direct: PartedObject,
    signal: AbortSignal,
  ): Promise<ContentSource> {
    await this.#commit(direct);
    const done = await this.uploads.hashes.parts(upload, planned);
    const lacking = Array.from({ length: partCountOf(planned) }, (_, part) => part).filter(
      (part) => !done.has(part),
    );
    await sideBySide(lacking, PARTS_AT_ONCE, (part) =>
      this.#hashPart(upload, plan, planned, direct.key, part, signal),
    );
    return { object: direct.key };
  }

  async #commit(direct: PartedObject): Promise<void> {
    try {
      await this.depot.direct?.commit(direct);
    } catch (error) {
      // An earlier try has done that; what it left is found below, or is not.
      if (!(error instanceof FleetseedError) || error.code !== 'UPLOAD_NOT_FOUND') throw error;
    }
  }

  async #hashPart(
    upload: string,
    plan: UploadPlan,
    planned: PlanObject,
    key: string,
    part: number,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const { pieceLength } = plan;
    const cut = cutOf(planned, part, { pieceLength, digest: false, withV1: streamsV1(plan) });
    const hasher = this.hashing.open(cut);
    try {
      const range = { offset: part * planned.partBytes, length: partLengthOf(planned, part) };
      const bytes = await this.depot.streamObject(key, range, { signal });
      try {
        for await (const chunk of hasher.through(new ChunkBody(bytes))) hasher.stored(chunk);
      } finally {
        // Its end has not been read, only its last byte.
        bytes.destroy();
      }
      const hashes = keptOf(planned, part, pieceLength, await hasher.finish());
      await this.uploads.hashes.write(upload, planned, part, hashes);
    } finally {
      this.hashing.close(hasher);
    }
  }
}
