import { FleetseedError } from '#lib/contracts';
import {
  backoffDelay,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Random,
} from '#lib/runtime';

import { countJobs } from './count-jobs.js';
import { HandlerTable } from './handler-table.js';
import { JobBook } from './job-book.js';
import type {
  EnqueueOptions,
  HandlerOptions,
  JobCounts,
  JobEvent,
  JobEventType,
  JobHandler,
  JobRun,
  JobQueue,
  JobState,
  JobTable,
  JobViewOf,
} from './job-queue.js';
import {
  cancelled,
  errorFacts,
  fullOptions,
  isFinished,
  jobOf,
  outcomeOf,
  resultText,
  timedOut,
  viewOf,
  type Job,
  type Outcome,
} from './job.js';
import { WaitingLine } from './waiting-line.js';

export interface InProcessJobQueueOptions<Table extends JobTable> {
  /** All names of the table. */
  readonly names: readonly (keyof Table & string)[];
  /** How many jobs run at once; 2 by default. */
  readonly concurrency?: number;
  /** Delay of the first retry, doubling up to the limit; milliseconds, 1,000 and 60,000 by default. */
  readonly backoff?: { readonly startMs: number; readonly limitMs: number };
  /** How many finished jobs are remembered; 1,000 by default. */
  readonly keepFinished?: number;
  /** Told of every attempt that ended here. */
  readonly onRun?: (run: JobRun<keyof Table & string>) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

type AnyName<Table> = keyof Table & string;

/** The queue of a single process: as long-lived as that, see the contract. */
export class InProcessJobQueue<Table extends JobTable> implements JobQueue<Table> {
  readonly #handlers: HandlerTable<AnyName<Table>>;
  readonly #book: JobBook;
  readonly #line = new WaitingLine<Job>();
  /** Taken out of the line while as many of their name run as may. */
  readonly #held: Job[] = [];
  readonly #running = new Map<Job, Promise<void>>();
  readonly #listeners = new Set<(event: JobEvent<JobViewOf<Table, AnyName<Table>>>) => void>();
  readonly #concurrency: number;
  readonly #backoff: { readonly startMs: number; readonly limitMs: number };
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  #order = 0;
  #phase: 'new' | 'started' | 'closed' = 'new';

  constructor(options: InProcessJobQueueOptions<Table>) {
    this.#handlers = new HandlerTable(options.names, options.onRun);
    this.#book = new JobBook(options.keepFinished ?? 1000);
    this.#concurrency = options.concurrency ?? 2;
    this.#backoff = options.backoff ?? { startMs: 1000, limitMs: 60_000 };
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
  }

  register<Name extends AnyName<Table>>(
    name: Name,
    handler: JobHandler<Table[Name]['data'], Table[Name]['result']>,
    options: HandlerOptions = {},
  ): void {
    this.#handlers.register(name, handler, options);
  }

  async start(): Promise<void> {
    this.#checkOpen();
    this.#handlers.assertComplete();
    this.#phase = 'started';
    this.#fill();
  }

  async enqueue<Name extends AnyName<Table>>(
    name: Name,
    data: Table[Name]['data'],
    options: EnqueueOptions = {},
  ): Promise<JobViewOf<Table, Name>> {
    this.#checkOpen();
    this.#handlers.assertKnown(name);
    const job = jobOf(name, data, fullOptions(options), {
      order: this.#order++,
      now: this.#clock.now(),
    });
    const same = this.#book.get(job.id);
    if (same && !isFinished(same)) return this.#view<Name>(same);
    this.#book.add(job);
    this.#line.push(job);
    this.#emit('queued', job);
    const view = this.#view<Name>(job);
    this.#fill();
    return view;
  }

  async get(id: string): Promise<JobViewOf<Table, AnyName<Table>> | null> {
    const job = this.#book.get(id);
    return job ? this.#view(job) : null;
  }

  async list(
    filter: { name?: AnyName<Table>; state?: JobState; limit?: number } = {},
  ): Promise<JobViewOf<Table, AnyName<Table>>[]> {
    return this.#book.list(filter).map((job) => this.#view(job));
  }

  async counts(): Promise<JobCounts<AnyName<Table>>> {
    return countJobs(this.#handlers.names, this.#book.unfinished());
  }

  async cancel(id: string): Promise<boolean> {
    const job = this.#book.get(id);
    if (!job || isFinished(job)) return false;
    job.cancelRequested = true;
    if (job.state === 'active') job.controller?.abort(cancelled());
    else this.#finish(job, 'cancelled');
    return true;
  }

  async finished(id: string, signal?: AbortSignal): Promise<JobViewOf<Table, AnyName<Table>>> {
    const job = await this.#book.finished(id, signal);
    return this.#view(job);
  }

  subscribe(listener: (event: JobEvent<JobViewOf<Table, AnyName<Table>>>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing is lost but with the process itself. */
  onLoss(_listener: () => void): () => void {
    return () => undefined;
  }

  async close(options: { deadlineMs?: number; graceMs?: number } = {}): Promise<void> {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    for (const job of this.#book.list({ state: 'delayed' })) job.stopTimer?.();
    await this.#drain(options.deadlineMs ?? 5000);
    const reason = new FleetseedError('SHUTTING_DOWN', 'The job queue is closed.');
    for (const job of this.#running.keys()) job.controller?.abort(reason);
    await this.#drain(options.graceMs ?? 1000);
    this.#book.close(reason);
  }

  /** Starts jobs while there is room. A cancelled job may still stand in the line: it is passed over. */
  #fill(): void {
    while (this.#phase === 'started' && this.#running.size < this.#concurrency) {
      const job = this.#line.shift();
      if (!job) return;
      if (job.state !== 'waiting') continue;
      if (this.#isFull(job.name)) {
        this.#held.push(job);
        continue;
      }
      const run = this.#run(job).finally(() => {
        this.#running.delete(job);
        for (const held of this.#held.splice(0)) this.#line.push(held);
        this.#fill();
      });
      this.#running.set(job, run);
    }
  }

  #isFull(name: string): boolean {
    let running = 0;
    for (const job of this.#running.keys()) if (job.name === name) running++;
    return running >= this.#handlers.get(name).atOnce;
  }

  async #run(job: Job): Promise<void> {
    const { handler, timeoutMs } = this.#handlers.get(job.name);
    const controller = new AbortController();
    const stopTimer = this.#clock.setTimer(timeoutMs, () => controller.abort(timedOut(timeoutMs)));
    job.controller = controller;
    job.state = 'active';
    job.attempt++;
    job.progress = null;
    this.#emit('started', job);
    try {
      const result = await handler({
        id: job.id,
        data: JSON.parse(job.data),
        attempt: job.attempt,
        signal: controller.signal,
        progress: (progress) => {
          if (job.controller !== controller) return;
          job.progress = { ...progress };
          this.#emit('progress', job);
        },
      });
      job.result = resultText(result);
      job.error = null;
      this.#finish(job, 'done');
    } catch (error) {
      this.#failed(job, outcomeOf(controller.signal, error));
    } finally {
      stopTimer();
      job.controller = undefined;
    }
  }

  #failed(job: Job, { reason, final }: Outcome): void {
    job.error = errorFacts(reason);
    if (job.cancelRequested) return this.#finish(job, 'cancelled');
    if (this.#phase === 'closed') return this.#cutShort(job);
    if (final || job.attempt >= job.attempts) {
      this.#logger.error('job failed', { job: job.id, name: job.name, error: reason });
      return this.#finish(job, 'failed');
    }
    const delayMs = backoffDelay(job.attempt, { ...this.#backoff, random: this.#random });
    this.#logger.warn('job will be retried', { job: job.id, delayMs, error: reason });
    job.state = 'delayed';
    job.stopTimer = this.#clock.setTimer(delayMs, () => this.#requeue(job));
    this.#emit('retrying', job);
  }

  #requeue(job: Job): void {
    job.stopTimer = undefined;
    job.state = 'waiting';
    this.#line.push(job);
    this.#fill();
  }

  #cutShort(job: Job): void {
    job.state = 'waiting';
  }

  #finish(job: Job, state: 'done' | 'failed' | 'cancelled'): void {
    job.stopTimer?.();
    job.stopTimer = undefined;
    job.state = state;
    job.finishedAt = this.#clock.now();
    this.#book.finish(job);
    this.#emit(state, job);
  }

  async #drain(ms: number): Promise<void> {
    if (this.#running.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#clock.setTimer(ms, resolve);
    await Promise.race([promise, Promise.allSettled(this.#running.values())]);
    stopTimer();
  }

  #emit(type: JobEventType, job: Job): void {
    for (const listener of this.#listeners) {
      try {
        listener({ type, job: this.#view(job) });
      } catch (error) {
        this.#logger.error('job listener failed', { job: job.id, type, error });
      }
    }
  }

  /** The name of a job decides the types of its data and result: `enqueue` saw to it. */
  #view<Name extends AnyName<Table>>(job: Job): JobViewOf<Table, Name> {
    return viewOf(job) as JobViewOf<Table, Name>;
  }

  #checkOpen(): void {
    if (this.#phase !== 'closed') return;
    throw new FleetseedError('SHUTTING_DOWN', 'The job queue is closed.');
  }
}
