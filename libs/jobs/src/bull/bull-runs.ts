import type { Job } from 'bullmq';

import { FleetseedError } from '#lib/contracts';
import { untilAborted, type Clock, type Logger } from '#lib/runtime';

import type { HandlerTable } from '../handler-table.js';
import { cancelled, errorFacts, outcomeOf, resultText, timedOut } from '../job.js';
import { CANCELLED_FIELD, failureText, idOfBull } from './bull-job.codec.js';
import { ProgressWriter } from './progress-writer.js';

type Bull = typeof import('bullmq');

export interface BullRunsOptions {
  readonly bull: Bull;
  readonly handlers: HandlerTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reads a field of the job's hash. */
  readonly readField: (bullId: string, field: string) => Promise<string | null>;
}

interface Run {
  readonly name: string;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  cancelled: boolean;
  /** It is not ours any more, or not for now: its outcome counts for nothing. */
  abandoned: boolean;
}

const PROGRESS_PAUSE_MS = 100;
/** A job of a name that only a newer replica knows is left to that. */
const UNKNOWN_NAME_DELAY_MS = 10_000;
/** One of a name of which as many run as may is left to others, too, and looked at again. */
const FULL_DELAY_MS = 2000;

/** The jobs that this process runs: what BullMQ's worker calls, and what aborts it. */
export class BullRuns {
  readonly #runs = new Map<string, Run>();
  #closed = false;

  constructor(private readonly options: BullRunsOptions) {}

  get size(): number {
    return this.#runs.size;
  }

  /** The handler of the worker. Its errors are BullMQ's words for what is to become of the job. */
  async process(job: Job, token = ''): Promise<unknown> {
    const bullId = job.id ?? '';
    // After the queue was lost a job may come again while its earlier run is still ending.
    while (this.#runs.has(bullId)) await this.#runs.get(bullId)!.ended;
    if (this.#closed) return this.#giveBack(job, token);
    if (!this.options.handlers.knows(job.name)) return this.#leave(job, token);
    if (this.#isFull(job.name)) return this.#postpone(job, token, FULL_DELAY_MS);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const run: Run = {
      name: job.name,
      controller: new AbortController(),
      ended,
      cancelled: false,
      abandoned: false,
    };
    this.#runs.set(bullId, run);
    try {
      return await this.#attempt(job, token, run);
    } finally {
      this.#runs.delete(bullId);
      end();
    }
  }

  /** Aborts the run of a job that is to end as cancelled. */
  cancel(bullId: string): void {
    const run = this.#runs.get(bullId);
    if (!run || run.cancelled) return;
    run.cancelled = true;
    run.controller.abort(cancelled());
  }

  /** Aborts runs whose job may be another's by now. */
  abandon(bullIds: Iterable<string> = [...this.#runs.keys()]): void {
    const reason = new FleetseedError('ABORTED', 'The queue has lost the job.');
    for (const bullId of bullIds) {
      const run = this.#runs.get(bullId);
      if (!run) continue;
      run.abandoned = true;
      run.controller.abort(reason);
    }
  }

  /** Jobs that were asked to be cancelled while nobody heard it. */
  async heedCancellations(bullIds: readonly string[]): Promise<void> {
    for (const bullId of bullIds) {
      if (await this.options.readField(bullId, CANCELLED_FIELD)) this.cancel(bullId);
    }
  }

  /** No further run begins. @returns false if some have not ended when the time is over */
  async close(reason: FleetseedError, ms: number, graceMs: number): Promise<boolean> {
    this.#closed = true;
    if (await this.#drained(ms)) return true;
    for (const run of this.#runs.values()) run.controller.abort(reason);
    return this.#drained(graceMs);
  }

  async #attempt(job: Job, token: string, run: Run): Promise<unknown> {
    const { handlers, clock, logger, readField } = this.options;
    const { handler, timeoutMs } = handlers.get(job.name);
    const { controller } = run;
    const progress = new ProgressWriter(
      async (now) => {
        try {
          await job.updateProgress({ ...now });
        } catch (error) {
          logger.debug('job progress not written', { job: job.id, error });
        }
      },
      clock,
      PROGRESS_PAUSE_MS,
    );
    const stopTimer = clock.setTimer(timeoutMs, () => controller.abort(timedOut(timeoutMs)));
    try {
      if (await readField(job.id ?? '', CANCELLED_FIELD)) this.cancel(job.id ?? '');
      controller.signal.throwIfAborted();
      const result = await handler({
        id: idOfBull(job.id ?? ''),
        data: (job.data as { data?: unknown }).data,
        attempt: job.attemptsMade + 1,
        signal: controller.signal,
        progress: (now) => {
          if (!controller.signal.aborted) progress.set(now);
        },
      });
      const text = resultText(result);
      await progress.flush();
      return JSON.parse(text) as unknown;
    } catch (thrown) {
      await progress.flush();
      return await this.#failed(job, token, run, thrown);
    } finally {
      stopTimer();
    }
  }

  async #failed(job: Job, token: string, run: Run, thrown: unknown): Promise<never> {
    const { bull, logger } = this.options;
    const { reason, final } = outcomeOf(run.controller.signal, thrown);
    if (run.abandoned || (this.#closed && !run.cancelled)) return this.#giveBack(job, token);
    const text = failureText({ ...errorFacts(reason), cancelled: run.cancelled });
    const facts = { job: idOfBull(job.id ?? ''), name: job.name, error: reason };
    if (run.cancelled || final || job.attemptsMade + 1 >= (job.opts.attempts ?? 1)) {
      if (!run.cancelled) logger.error('job failed', facts);
      throw new bull.UnrecoverableError(text);
    }
    logger.warn('job will be retried', facts);
    throw new Error(text);
  }

  /** Back into the line, as if it had not been begun. A job that is not ours any more is let be. */
  async #giveBack(job: Job, token: string): Promise<never> {
    const { bull, logger } = this.options;
    try {
      await job.moveToWait(token);
    } catch (error) {
      logger.debug('job not given back', { job: job.id, error });
    }
    throw new bull.WaitingError();
  }

  async #leave(job: Job, token: string): Promise<never> {
    const { logger } = this.options;
    logger.warn('job of an unknown name is left to others', { job: job.id, name: job.name });
    return this.#postpone(job, token, UNKNOWN_NAME_DELAY_MS);
  }

  /** Does not count as a try. */
  async #postpone(job: Job, token: string, delayMs: number): Promise<never> {
    await job.moveToDelayed(this.options.clock.now() + delayMs, token);
    throw new this.options.bull.DelayedError();
  }

  #isFull(name: string): boolean {
    let running = 0;
    for (const run of this.#runs.values()) if (run.name === name) running++;
    return running >= this.options.handlers.get(name).atOnce;
  }

  async #drained(ms: number): Promise<boolean> {
    if (this.#runs.size === 0) return true;
    const timeUp = new AbortController();
    const stop = this.options.clock.setTimer(ms, () => timeUp.abort());
    const all = Promise.all([...this.#runs.values()].map(({ ended }) => ended));
    try {
      await untilAborted(all, timeUp.signal);
    } catch {
      // The time is over; the caller asks how many are left.
    } finally {
      stop();
    }
    return this.#runs.size === 0;
  }
}
