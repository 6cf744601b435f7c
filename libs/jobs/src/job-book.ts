import type { FleetseedError } from '#lib/contracts';

import { isUnfinished } from './count-jobs.js';
import { FinishWaiters } from './finish-waiters.js';
import type { JobState, UnfinishedState } from './job-queue.js';
import { isFinished, noSuchJob, type Job } from './job.js';

const LIST_LIMIT = 1000;

/** All jobs by id, in the order of enqueueing; of the finished ones only the latest are kept. */
export class JobBook {
  readonly #jobs = new Map<string, Job>();
  readonly #finished = new Set<Job>();
  readonly #waiters = new FinishWaiters<Job>();
  #closed: FleetseedError | undefined;

  constructor(private readonly keepFinished: number) {}

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Takes the place of a finished job of the same id. */
  add(job: Job): void {
    const before = this.#jobs.get(job.id);
    if (before) this.#forget(before);
    this.#jobs.set(job.id, job);
  }

  list(filter: { name?: string; state?: JobState; limit?: number }): Job[] {
    return [...this.#jobs.values()]
      .filter((job) => filter.name === undefined || job.name === filter.name)
      .filter((job) => filter.state === undefined || job.state === filter.state)
      .reverse()
      .slice(0, filter.limit ?? LIST_LIMIT);
  }

  /** Of each job that has not ended its name, its state, and that it is one. */
  *unfinished(): Generator<readonly [string, UnfinishedState, 1]> {
    for (const { name, state } of this.#jobs.values()) {
      if (isUnfinished(state)) yield [name, state, 1];
    }
  }

  finish(job: Job): void {
    this.#finished.add(job);
    this.#waiters.finish(job);
    for (const oldest of this.#finished) {
      if (this.#finished.size <= this.keepFinished) break;
      this.#forget(oldest);
    }
  }

  /** @throws JOB_NOT_FOUND, SHUTTING_DOWN, or the signal's reason */
  async finished(id: string, signal?: AbortSignal): Promise<Job> {
    const job = this.#jobs.get(id);
    if (!job) throw noSuchJob(id);
    if (isFinished(job)) return job;
    if (this.#closed) throw this.#closed;
    return this.#waiters.wait(id, signal);
  }

  /** Nobody will finish the jobs that are left. */
  close(reason: FleetseedError): void {
    this.#closed = reason;
    this.#waiters.failAll(reason);
  }

  #forget(job: Job): void {
    this.#finished.delete(job);
    this.#jobs.delete(job.id);
  }
}
