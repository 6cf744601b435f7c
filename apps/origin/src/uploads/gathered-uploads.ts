import { Inject, Injectable } from '@nestjs/common';

import type { StartUpload } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CollectionWindow } from '../collection/collection-window.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { checkTree } from './declared-tree.js';
import type { PlanObject, UploadRecord } from './upload-record.js';
import { UploadStore } from './upload-store.js';

export interface UploadCreator {
  readonly id: string;
  readonly name: string;
}

/** Uploads whose bytes and hashes are below `uploads/<id>/` before anybody declares them. */
@Injectable()
export class GatheredUploads {
  constructor(
    private readonly store: UploadStore,
    private readonly window: CollectionWindow,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Makes an upload of what was gathered: it can be published, and is kept until then.
   * @throws METAINFO_PATH_INVALID, REQUEST_INVALID for what can be no artifact
   */
  async record(
    id: string,
    app: string,
    {
      request,
      objects,
    }: { readonly request: StartUpload; readonly objects: readonly PlanObject[] },
    creator: UploadCreator,
  ): Promise<UploadRecord> {
    const { bytes, pieceLength } = checkTree(request);
    const known = { knownRoots: [], knownFrom: [] };
    const plan = { v: 1 as const, request, pieceLength, objects: [...objects], ...known };
    const now = this.clock.now();
    const record: UploadRecord = {
      v: 1,
      upload: id,
      app,
      version: request.version,
      state: 'open',
      run: 0,
      plan: await this.store.writePlan(id, plan),
      bytes,
      knownBytes: 0,
      createdAt: now,
      createdBy: creator.name,
      creator: creator.id,
      expiresAt: now + this.config.uploadExpirySeconds * 1000,
      error: null,
    };
    await this.store.create(record);
    // From here on the record protects the content: see the window.
    await this.window.settled();
    return record;
  }
}
