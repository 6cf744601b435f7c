import { Inject, Injectable } from '@nestjs/common';

import type { Depot, PartedObject } from '#lib/depot';

import { DEPOT } from '../depot/depot.tokens.js';
import type { BodyHasher, BodyHashes } from './body-hasher.js';
import type { BodySource } from './body-source.js';
import { cutOf } from './part-cut.js';
import type { PartHashes } from './part-hashes.js';
import { UploadHashing } from './upload-hashing.js';
import type { PlannedObject } from './upload-planner.js';
import type { PlanObject } from './upload-record.js';
import { UploadStore } from './upload-store.js';

/** A part on its way in. */
export interface IncomingPart {
  readonly upload: string;
  readonly planned: PlannedObject & Pick<PlanObject, 'source'>;
  readonly parted: PartedObject;
  readonly part: number;
  readonly pieceLength: number;
  /** Whether v1 pieces are hashed, and the SHA-256 of the part. */
  readonly withV1: boolean;
  readonly digest: boolean;
}

/** Stores parts that are hashed on their way: the hashes of one that is there are durable. */
@Injectable()
export class HashedParts {
  constructor(
    private readonly store: UploadStore,
    private readonly hashing: UploadHashing,
    @Inject(DEPOT) private readonly depot: Depot,
  ) {}

  /**
   * @param check gives what is kept of the hashes, or throws: then nothing is kept
   * @param body is read as far as the part goes
   * @returns false if the part was there before; `body` is not read then
   */
  async put(
    incoming: IncomingPart,
    body: BodySource,
    check: (hashes: BodyHashes) => PartHashes,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { planned, parted, part } = incoming;
    const hasher = this.hashing.open(cutOf(planned, part, incoming));
    try {
      const chunks = this.#checked(incoming, hasher, body, check);
      return await this.depot.putPart(parted, part, chunks, { signal, ...hasher.lending });
    } finally {
      this.hashing.close(hasher);
    }
  }

  /** The depot makes the part visible only when this has ended well. */
  async *#checked(
    { upload, planned, part }: IncomingPart,
    hasher: BodyHasher,
    body: BodySource,
    check: (hashes: BodyHashes) => PartHashes,
  ): AsyncGenerator<Uint8Array> {
    yield* hasher.through(body);
    const kept = check(await hasher.finish());
    await this.store.hashes.write(upload, planned, part, kept);
  }
}
