import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';

import { FleetseedError, knownCode, type Release } from '#lib/contracts';

import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { unknownUpload, versionTaken } from '../uploads/upload-errors.js';
import { UploadEvents } from '../uploads/upload-events.js';
import type { UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';

export const PUBLISH_ATTEMPTS = 3;

/** Hands complete uploads to the publish job, also those that an ended process left behind. */
@Injectable()
export class PublishQueue implements OnApplicationBootstrap {
  constructor(
    private readonly uploads: UploadStore,
    private readonly events: UploadEvents,
    private readonly catalog: ReleaseCatalog,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const id of await this.uploads.ids()) {
      const record = await this.uploads.find(id);
      if (record?.state === 'publishing') await this.#enqueue(id);
    }
  }

  /**
   * Writes down that the upload is being published, and only then lets the job begin.
   * @throws UPLOAD_NOT_FOUND for one that was dropped meanwhile
   */
  async publish(record: UploadRecord): Promise<UploadRecord> {
    const written = await this.uploads.update(record.upload, (current) => {
      const begun = current?.state === 'publishing' || current?.state === 'published';
      return current && !begun ? { ...current, state: 'publishing', error: null } : null;
    });
    const now = written ?? (await this.uploads.find(record.upload));
    if (!now) throw unknownUpload(record.upload);
    if (now.state === 'publishing') await this.#enqueue(record.upload);
    this.events.changed(record.upload);
    return now;
  }

  /** @throws the error that publishing ended with */
  async publishAndWait(record: UploadRecord): Promise<{ release: Release; created: boolean }> {
    await this.publish(record);
    const job = await this.queue.finished(jobIdOf(record.upload));
    const release = await this.catalog.find(record.app, record.version);
    const ended = await this.uploads.find(record.upload);
    if (ended?.state === 'published' && release) {
      return { release, created: job.result?.created ?? false };
    }
    const { code, detail } = ended?.error ?? { code: 'INTERNAL', detail: 'Publishing failed.' };
    if (code === 'VERSION_TAKEN' && release) throw versionTaken(release);
    throw new FleetseedError(knownCode(code), detail, { upload: record.upload });
  }

  async #enqueue(upload: string): Promise<void> {
    const options = { id: jobIdOf(upload), attempts: PUBLISH_ATTEMPTS };
    await this.queue.enqueue('publish', { upload }, options);
  }
}

function jobIdOf(upload: string): string {
  return `publish-${upload}`;
}
