import type { QueueEvents, QueueEventsListener } from 'bullmq';

import type { Logger } from '#lib/runtime';

import type { JobEvent, JobProgress, JobView } from '../job-queue.js';
import { idOfBull } from './bull-job.codec.js';

export interface BullEventsOptions {
  readonly read: (id: string) => Promise<JobView | null>;
  readonly logger: Logger;
  /** Somebody wants a running job to be cancelled. */
  readonly onCancel: (bullId: string) => void;
  readonly onFinished: (view: JobView) => void;
  /** A job is waited for; else its end needs no look. */
  readonly isAwaited: (id: string) => boolean;
}

/** An event of ours, beside those of BullMQ. */
interface CancelListener extends QueueEventsListener {
  cancel: (args: { jobId: string }) => void;
}

type Change = (view: JobView) => JobEvent;

/**
 * The events of all replicas, in the order in which they happened. An event names a job; the job
 * is read a moment later, and what the event says of that time is put over what it is by then.
 */
export class BullEvents {
  readonly listeners = new Set<(event: JobEvent) => void>();
  #line: Promise<void> = Promise.resolve();

  constructor(
    source: QueueEvents,
    private readonly options: BullEventsOptions,
  ) {
    source.on('added', ({ jobId }) => {
      this.#tell(jobId, (job) => ({
        type: 'queued',
        job: { ...job, state: 'waiting', attempt: 0, progress: null, result: null, error: null },
      }));
    });
    source.on('active', ({ jobId }) => {
      this.#tell(jobId, (job) => ({ type: 'started', job: running(job, null) }));
    });
    source.on('progress', ({ jobId, data }) => {
      this.#tell(jobId, (job) => ({ type: 'progress', job: running(job, data as JobProgress) }));
    });
    source.on('delayed', ({ jobId }) => {
      this.#tell(jobId, (job) => ({ type: 'retrying', job: { ...job, state: 'delayed' } }));
    });
    source.on('completed', ({ jobId }) => this.#tellEnd(jobId));
    source.on('failed', ({ jobId }) => this.#tellEnd(jobId));
    const heedCancel = ({ jobId }: { jobId: string }) => options.onCancel(jobId);
    source.on<CancelListener>('cancel', heedCancel);
    source.on('error', (error) => options.logger.debug('job events interrupted', { error }));
  }

  #tell(bullId: string, change: Change): void {
    if (this.listeners.size > 0) this.#read(bullId, change);
  }

  #tellEnd(bullId: string): void {
    const awaited = this.options.isAwaited(idOfBull(bullId));
    if (!awaited && this.listeners.size === 0) return;
    this.#read(bullId, (job) => {
      const { state } = job;
      const ended = state === 'done' || state === 'failed' || state === 'cancelled';
      if (ended) this.options.onFinished(job);
      return { type: ended ? state : 'queued', job };
    });
  }

  #read(bullId: string, change: Change): void {
    const { read, logger } = this.options;
    this.#line = this.#line.then(async () => {
      try {
        const view = await read(idOfBull(bullId));
        if (view) this.#emit(change(view));
      } catch (error) {
        logger.debug('job event not told', { job: bullId, error });
      }
    });
  }

  #emit(event: JobEvent): void {
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.options.logger.error('job listener failed', { job: event.job.id, error });
      }
    }
  }
}

function running(job: JobView, progress: JobProgress | null): JobView {
  return { ...job, state: 'active', progress, result: null, finishedAt: null };
}
