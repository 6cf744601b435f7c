import { Inject, Injectable, type MessageEvent } from '@nestjs/common';
import type { Request } from 'express';

import { FleetseedError, type PartUrl, type StartUpload, type Upload } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { requireApp, type Principal } from '../auth/principal.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK } from '../config/start-context.js';
import { PublishQueue } from '../publishing/publish-queue.js';
import { PartReceiver } from './part-receiver.js';
import { PartUrls } from './part-urls.js';
import { unknownUpload, uploadExpired } from './upload-errors.js';
import { UploadEvents } from './upload-events.js';
import { partCountOf } from './upload-planner.js';
import type { UploadRecord } from './upload-record.js';
import { UploadStarter } from './upload-starter.js';
import { UploadStore } from './upload-store.js';
import { UploadViews } from './upload-view.js';

/** After these, publishing the same parts again would fail again. */
const FINAL_ERRORS: readonly string[] = ['ROOT_MISMATCH', 'VERSION_TAKEN', 'DEPOT_INTEGRITY'];

/** The life of an upload: begun, sent, completed or dropped. */
@Injectable()
export class UploadsService {
  constructor(
    private readonly starter: UploadStarter,
    private readonly store: UploadStore,
    private readonly views: UploadViews,
    private readonly parts: PartReceiver,
    private readonly urls: PartUrls,
    private readonly events: UploadEvents,
    private readonly queue: PublishQueue,
    private readonly shutdown: ShutdownSignal,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  start(app: string, request: StartUpload, caller: Principal): Promise<Upload> {
    return this.starter.start(app, request, caller);
  }

  async get(id: string, caller: Principal): Promise<Upload> {
    return this.views.whole(await this.#find(id, caller));
  }

  async receive(
    id: string,
    place: { readonly object: string; readonly part: number },
    request: Request,
    caller: Principal,
  ): Promise<{ received: true }> {
    const record = await this.#find(id, caller);
    if (record.state === 'publishing' || record.state === 'published') {
      // Everything had come when it was completed, so this is the answer of a lost acknowledgement.
      request.resume();
      return { received: true };
    }
    if (record.state === 'failed') throw failedUpload(record);
    return this.parts.receive(record, place.object, place.part, request);
  }

  /** Where a part goes that does not pass through us. @throws PART_INVALID when it does */
  async url(
    id: string,
    place: { readonly object: string; readonly part: number },
    caller: Principal,
  ): Promise<PartUrl> {
    const record = await this.#find(id, caller);
    if (record.state !== 'open') throw unknownUpload(id);
    return this.urls.of(record, place.object, place.part);
  }

  /** @throws UPLOAD_INCOMPLETE naming how many parts lack */
  async complete(id: string, caller: Principal): Promise<Upload> {
    const record = await this.#find(id, caller);
    if (record.state === 'publishing' || record.state === 'published') {
      return this.views.whole(record);
    }
    if (record.state === 'open') await this.#checkComplete(record);
    else if (FINAL_ERRORS.includes(record.error?.code ?? '')) throw failedUpload(record);
    return this.views.whole(await this.queue.publish(record));
  }

  /** Follows an upload until it is published or has failed; the events carry no list of objects. */
  async follow(
    id: string,
    caller: Principal,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<MessageEvent>> {
    await this.#find(id, caller);
    const read = async () => this.views.brief(await this.#find(id, caller));
    return this.events.follow(id, read, AbortSignal.any([signal, this.shutdown.signal]));
  }

  /** @throws PRECONDITION_FAILED while it is being published */
  async drop(id: string, caller: Principal): Promise<void> {
    const record = await this.#find(id, caller);
    if (record.state === 'publishing') {
      throw new FleetseedError('PRECONDITION_FAILED', 'The upload is being published.', {
        upload: id,
      });
    }
    await this.store.remove(id, { keepRecord: false });
  }

  async #find(id: string, caller: Principal): Promise<UploadRecord> {
    const record = await this.store.find(id);
    if (!record) throw unknownUpload(id);
    requireApp(caller, 'push', record.app);
    if (record.state === 'open' && record.expiresAt <= this.clock.now()) throw uploadExpired(id);
    return record;
  }

  async #checkComplete(record: UploadRecord): Promise<void> {
    const { objects } = await this.store.plan(record);
    let lacking = 0;
    for (const planned of objects) {
      lacking += partCountOf(planned) - (await this.store.received(planned)).length;
    }
    if (lacking === 0) return;
    throw new FleetseedError('UPLOAD_INCOMPLETE', `${lacking} parts have not come yet.`, {
      upload: record.upload,
      lacking,
    });
  }
}

function failedUpload(record: UploadRecord): FleetseedError {
  const reason = record.error?.detail ?? 'it failed';
  return new FleetseedError('UPLOAD_INCOMPLETE', `Start the upload again: ${reason}`, {
    upload: record.upload,
    reason: record.error?.code ?? 'INTERNAL',
  });
}
