import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { toFleetseedError } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import { Unrecoverable, type Clock, type Logger } from '#lib/runtime';

import { ChannelsService } from '../channels/channels.service.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { isFinal, isInterrupted } from '../jobs/job-endings.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from '../jobs/origin-jobs.js';
import { Publisher } from '../publishing/publisher.js';
import { UploadStore } from '../uploads/upload-store.js';
import { unknownImport } from './import-errors.js';
import { ImportFetcher } from './import-fetcher.js';
import type { ImportRecord } from './import-record.js';
import { ImportStore } from './import-store.js';
import { IMPORT_ATTEMPTS } from './imports.service.js';

/** Sources are slow and files large; of what was fetched nothing is lost when the time is over. */
const TIMEOUT_MS = 12 * 3_600_000;
const IMPORTS_AT_ONCE = 2;
const TELL_EVERY_MS = 200;

type Data = OriginJobs['import']['data'];
type Result = OriginJobs['import']['result'];

/**
 * The import job: fetched bytes → upload → release → channel → record. Each step finds what an
 * interrupted run has done; the record says `open` until the end, whatever happens.
 */
@Injectable()
export class Importer implements OnModuleInit {
  constructor(
    private readonly imports: ImportStore,
    private readonly fetcher: ImportFetcher,
    private readonly uploads: UploadStore,
    private readonly publisher: Publisher,
    private readonly channels: ChannelsService,
    private readonly shutdown: ShutdownSignal,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const options = { timeoutMs: TIMEOUT_MS, atOnce: IMPORTS_AT_ONCE };
    this.queue.register('import', (job) => this.run(job), options);
  }

  async run(job: RunningJob<Data>): Promise<Result> {
    const { import: id, run } = job.data;
    const record = await this.imports.find(id);
    if (record?.state !== 'open' || record.run !== run) throw new Unrecoverable(unknownImport(id));
    try {
      const result = await this.#import(record, job);
      await this.#end(record, { state: 'done', ...result, error: null });
      return result;
    } catch (thrown) {
      const error = toFleetseedError(thrown);
      const now = await this.imports.find(id);
      const isOurs = now?.run === run;
      if (isOurs && now.state === 'cancelled') await this.#cleanUp(id);
      if (
        !isOurs ||
        now.state !== 'open' ||
        this.shutdown.signal.aborted ||
        isInterrupted(job.signal)
      )
        throw error;
      const { code, message: detail } = error;
      if (!isFinal(error) && job.attempt < IMPORT_ATTEMPTS) {
        await this.#note(record, { error: { code, detail } });
        throw error;
      }
      this.logger.warn('import failed', { import: id, from: record.from, code, error });
      await this.#end(record, { state: 'failed', error: { code, detail } });
      throw new Unrecoverable(error);
    }
  }

  async #import(record: ImportRecord, job: RunningJob<Data>): Promise<Result> {
    const { signal } = job;
    const { app, version, channel, createdBy, artifact, created } = record;
    // All was done but the tidying up, which a source that has changed since has no say in.
    if (artifact !== null) return { artifact, created: created ?? false };
    // Gathered by an earlier run, which then was interrupted.
    const gathered = await this.uploads.find(record.import);
    const upload =
      gathered ??
      (await this.fetcher.fetch(record, { signal, progress: fetching(job, this.clock) }));
    signal.throwIfAborted();
    const result = await this.publisher.release(upload, {
      signal,
      progress: (done, total) => job.progress({ done, total, step: 'publishing' }),
    });
    if (channel !== null) await this.channels.move(app, channel, { version }, { name: createdBy });
    await this.#note(record, result);
    return result;
  }

  /** What opened the source is not kept longer than it is of use. */
  async #end(
    record: ImportRecord,
    end: Pick<ImportRecord, 'state' | 'error'> & Partial<ImportRecord>,
  ): Promise<void> {
    // What a failed one has gathered may be gone on with, if it is asked for again soon.
    const isOver = end.state !== 'failed' || end.error?.code === 'VERSION_TAKEN';
    if (isOver) await this.#cleanUp(record.import);
    await this.#note(record, { ...end, source: null, finishedAt: this.clock.now() });
  }

  async #note({ import: id, run }: ImportRecord, change: Partial<ImportRecord>): Promise<void> {
    await this.imports.update(id, (current) =>
      current?.state === 'open' && current.run === run ? { ...current, ...change } : null,
    );
  }

  /** What is left over is swept, so a failure here is not one of the job. */
  async #cleanUp(id: string): Promise<void> {
    try {
      const gathering = (await this.imports.find(id))?.gathering;
      if (gathering) await this.fetcher.forget(id, gathering.parted);
      await this.uploads.remove(id, { keepRecord: false });
    } catch (error) {
      this.logger.warn('import not cleaned up', { import: id, error });
    }
  }
}

/** Tells how much has come, now and then, and the last of it in the end. */
function fetching(
  job: RunningJob<Data>,
  clock: Clock,
): (done: number, total: number | null) => void {
  let latest = { done: 0, total: 0, step: 'fetching' };
  let told = latest;
  let isPausing = false;
  const tell = () => {
    if (told === latest) return;
    told = latest;
    job.progress(latest);
    isPausing = true;
    clock.setTimer(TELL_EVERY_MS, () => {
      isPausing = false;
      tell();
    });
  };
  return (done, total) => {
    latest = { done, total: total ?? 0, step: 'fetching' };
    if (!isPausing) tell();
  };
}
