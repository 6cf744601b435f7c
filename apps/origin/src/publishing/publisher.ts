import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { toFleetseedError, type Release } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import { Unrecoverable, type Clock, type Logger } from '#lib/runtime';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { isFinal, isInterrupted } from '../jobs/job-endings.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from '../jobs/origin-jobs.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { checkTree } from '../uploads/declared-tree.js';
import { unknownUpload, versionTaken } from '../uploads/upload-errors.js';
import { UploadEvents } from '../uploads/upload-events.js';
import { sameContent } from '../uploads/upload-identity.js';
import type { UploadPlan, UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { UploadViews } from '../uploads/upload-view.js';
import { Outbox } from '../webhooks/outbox.js';
import { ArtifactMaker, type MakeOptions } from './artifact-maker.js';
import { PUBLISH_ATTEMPTS } from './publish-queue.js';

/** A hybrid tree of terabytes is read back as a whole. */
const TIMEOUT_MS = 6 * 3_600_000;

type Result = OriginJobs['publish']['result'];

/**
 * The publish job: bytes → artifact → release → record. Each step finds what an interrupted run has
 * done and goes on from there; the record says `publishing` until the end, whatever happens.
 */
@Injectable()
export class Publisher implements OnModuleInit {
  constructor(
    private readonly uploads: UploadStore,
    private readonly views: UploadViews,
    private readonly uploadEvents: UploadEvents,
    private readonly maker: ArtifactMaker,
    private readonly catalog: ReleaseCatalog,
    private readonly library: ArtifactLibrary,
    private readonly events: OriginEvents,
    private readonly outbox: Outbox,
    private readonly shutdown: ShutdownSignal,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.queue.register('publish', (job) => this.run(job), { timeoutMs: TIMEOUT_MS });
  }

  async run(job: RunningJob<OriginJobs['publish']['data']>): Promise<Result> {
    const id = job.data.upload;
    const record = await this.uploads.find(id);
    if (record?.state !== 'publishing') throw new Unrecoverable(unknownUpload(id));
    try {
      const result = await this.release(record, {
        signal: job.signal,
        progress: (done, total) => job.progress({ done, total, step: 'storing' }),
      });
      await this.#end(record, { state: 'published', error: null });
      await this.#cleanUp(id);
      return result;
    } catch (thrown) {
      const error = toFleetseedError(thrown);
      if (this.shutdown.signal.aborted || isInterrupted(job.signal)) throw error;
      // A lost queue may have begun the job twice: what the other run used up was not lacking.
      const published = await this.#publishedByOther(record);
      if (published) return published;
      if (!isFinal(error) && job.attempt < PUBLISH_ATTEMPTS) throw error;
      this.logger.warn('upload not published', { upload: id, code: error.code, error });
      const { code, message } = error;
      await this.#end(record, { state: 'failed', error: { code, detail: message } });
      // Its bytes can never become this version; those of other failures may still be of use.
      if (code === 'VERSION_TAKEN') await this.#cleanUp(id);
      throw new Unrecoverable(error);
    }
  }

  /**
   * Makes the release of an upload that is complete. May be repeated, also side by side.
   * @throws VERSION_TAKEN, VERSION_RETIRED, ROOT_MISMATCH, …
   */
  async release(record: UploadRecord, options: MakeOptions): Promise<Result> {
    const result = await this.#publish(record, options);
    await this.#note(record);
    return result;
  }

  async #publish(record: UploadRecord, options: MakeOptions): Promise<Result> {
    const plan = await this.uploads.plan(record);
    const earlier = await this.catalog.find(record.app, record.version);
    if (earlier) return this.#published(earlier, plan);
    await this.catalog.assertNotRetired(record.app, record.version);
    const summary = await this.maker.make(record, plan, options);
    const wanted: Release = {
      ...summary,
      app: record.app,
      version: record.version,
      createdAt: this.clock.now(),
      createdBy: record.createdBy,
    };
    const { release, created } = await this.catalog.create(wanted);
    if (release.artifact !== summary.artifact) throw versionTaken(release);
    if (created) this.events.emit('releasePublished', release);
    return { artifact: summary.artifact, created };
  }

  async #publishedByOther({ upload, app, version }: UploadRecord): Promise<Result | null> {
    if ((await this.uploads.find(upload))?.state !== 'published') return null;
    const release = await this.catalog.find(app, version);
    return release && { artifact: release.artifact, created: false };
  }

  /** Before the record says that all is done: an interrupted run comes here again. */
  async #note({ app, version }: UploadRecord): Promise<void> {
    const release = await this.catalog.find(app, version);
    if (release) await this.outbox.add('release.published', [app, version], release);
  }

  /** The version was made meanwhile, by an interrupted run of this job or by somebody else. */
  async #published(release: Release, plan: UploadPlan): Promise<Result> {
    const { metainfo } = await this.library.open(release.artifact);
    if (!sameContent(checkTree(plan.request), metainfo)) throw versionTaken(release);
    return { artifact: release.artifact, created: false };
  }

  async #end(record: UploadRecord, end: Pick<UploadRecord, 'state' | 'error'>): Promise<void> {
    await this.uploads.update(record.upload, (current) =>
      current && current.state !== 'published' ? { ...current, ...end } : null,
    );
    this.views.setProgress(record.upload, null);
    this.uploadEvents.changed(record.upload);
  }

  /** What is left over is swept when the upload expires, so a failure here is not one of the job. */
  async #cleanUp(id: string): Promise<void> {
    try {
      await this.uploads.remove(id, { keepRecord: true });
    } catch (error) {
      this.logger.warn('upload not cleaned up', { upload: id, error });
    }
  }
}
