import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, knownCode, type Release } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { LOGGER } from '../config/start-context.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { unknownUpload, versionTaken } from '../uploads/upload-errors.js';
import { UploadEvents } from '../uploads/upload-events.js';
import type { UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { UploadViews } from '../uploads/upload-view.js';

export const PUBLISH_ATTEMPTS = 3;

/** How long a caller waits for a queue that is away, and how often it is asked for. */
const PATIENCE_MS = 60_000;
const ASK_AGAIN_MS = 500;

type Result = OriginJobs['publish']['result'];

/**
 * Hands complete uploads to the publish job, also those that an ended process left behind. What is
 * to be published is in the record of the upload; the queue may lose it at any time.
 */
@Injectable()
export class PublishQueue implements OnModuleInit {
  constructor(
    private readonly uploads: UploadStore,
    private readonly events: UploadEvents,
    private readonly views: UploadViews,
    private readonly catalog: ReleaseCatalog,
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.unfinished.register('uploads to be published', () => this.enqueueUnfinished());
    // Whichever replica publishes, each one's followers see how far it is.
    this.queue.subscribe(({ type, job }) => {
      if (job.name !== 'publish' || type === 'queued') return;
      const { done, total } = (type === 'progress' && job.progress) || { done: 0, total: 0 };
      this.views.setProgress(job.data.upload, total > 0 ? done / total : null);
      this.events.changed(job.data.upload);
    });
  }

  async enqueueUnfinished(): Promise<void> {
    for (const id of await this.uploads.ids()) {
      const record = await this.#readable(id);
      if (record?.state === 'publishing') await this.#enqueue(record);
    }
  }

  /** A record that cannot be read must not keep all others from being published. */
  async #readable(id: string): Promise<UploadRecord | null> {
    try {
      return await this.uploads.find(id);
    } catch (error) {
      this.logger.error('upload not readable', { upload: id, error });
      return null;
    }
  }

  /**
   * Writes down that the upload is being published, and only then lets the job begin. A queue that
   * is away does not matter here: it is enqueued when that is back.
   * @throws UPLOAD_NOT_FOUND for one that was dropped meanwhile
   */
  async publish(record: UploadRecord): Promise<UploadRecord> {
    const written = await this.uploads.update(record.upload, (current) => {
      const begun = current?.state === 'publishing' || current?.state === 'published';
      if (!current || begun) return null;
      return { ...current, state: 'publishing', run: current.run + 1, error: null };
    });
    const now = written ?? (await this.uploads.find(record.upload));
    if (!now) throw unknownUpload(record.upload);
    if (now.state === 'publishing') await this.#enqueueSoon(now);
    this.events.changed(record.upload);
    return now;
  }

  /** @throws the error that publishing ended with; QUEUE_UNREACHABLE, it is published later then */
  async publishAndWait(record: UploadRecord): Promise<{ release: Release; created: boolean }> {
    const begun = await this.publish(record);
    const result = begun.state === 'publishing' ? await this.#ended(begun) : null;
    const release = await this.catalog.find(record.app, record.version);
    const ended = await this.uploads.find(record.upload);
    if (ended?.state === 'published' && release) {
      return { release, created: result?.created ?? false };
    }
    const { code, detail } = ended?.error ?? { code: 'INTERNAL', detail: 'Publishing failed.' };
    if (code === 'VERSION_TAKEN' && release) throw versionTaken(release);
    throw new FleetseedError(knownCode(code), detail, { upload: record.upload });
  }

  /** Waits for the job, or where the queue has lost that, for what the record says. */
  async #ended(record: UploadRecord): Promise<Result | null> {
    const { upload } = record;
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const job = await this.queue.finished(jobIdOf(record));
        return job.name === 'publish' ? job.result : null;
      } catch (error) {
        if (!isGap(error) || performance.now() > end) throw error;
        if ((await this.uploads.find(upload))?.state !== 'publishing') return null;
        await sleep(ASK_AGAIN_MS);
        await this.#enqueueSoon(record);
      }
    }
  }

  /** What cannot be enqueued now is enqueued when the queue is back. */
  async #enqueueSoon(record: UploadRecord): Promise<void> {
    try {
      await this.#enqueue(record);
    } catch (error) {
      if (!isGap(error)) throw error;
      this.logger.warn('upload waits for the job queue', { upload: record.upload, error });
    }
  }

  async #enqueue(record: UploadRecord): Promise<void> {
    const { upload, app, version } = record;
    const options = { id: jobIdOf(record), attempts: PUBLISH_ATTEMPTS };
    await this.queue.enqueue('publish', { upload, about: `${app}@${version}` }, options);
  }
}

function isGap(error: unknown): boolean {
  if (!(error instanceof FleetseedError)) return false;
  return error.code === 'QUEUE_UNREACHABLE' || error.code === 'JOB_NOT_FOUND';
}

/** One that is completed again after a failure is another job: the old one may be just ending. */
function jobIdOf({ upload, run }: UploadRecord): string {
  return `publish-${upload}-${run}`;
}
