import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { repeat, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from './origin-jobs.js';

/** For what no event tells: work that another replica wrote down and could not enqueue. */
const EVERY_MS = 600_000;

/**
 * Brings back jobs that the queue has lost: features say here how to enqueue what the depot says is
 * unfinished. Asked at start, when the queue was emptied or away, and now and then.
 */
@Injectable()
export class UnfinishedWork {
  readonly #sources = new Map<string, () => Promise<void>>();
  readonly #giveUps = new Map<string, (data: never) => Promise<void>>();
  readonly #ends: (() => void)[] = [];
  #line: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * `enqueue` must be harmless to repeat: it enqueues under ids that tell the work.
   * @param what for the log
   */
  register(what: string, enqueue: () => Promise<void>): void {
    this.#sources.set(what, enqueue);
  }

  /**
   * Says how the depot is told that a job is wanted no more; a job of a name without this cannot be
   * cancelled, as it would come back.
   */
  onCancel<Name extends keyof OriginJobs>(
    name: Name,
    giveUp: (data: OriginJobs[Name]['data']) => Promise<void>,
  ): void {
    this.#giveUps.set(name, giveUp);
  }

  canCancel(name: keyof OriginJobs): boolean {
    return this.#giveUps.has(name);
  }

  /**
   * Ends a job for good: first what the depot says of it, then the job. No error for one that has ended.
   * @throws JOB_NOT_FOUND; PRECONDITION_FAILED for one that cannot be cancelled
   */
  async cancel(id: string): Promise<void> {
    const job = await this.queue.get(id);
    if (!job) throw new FleetseedError('JOB_NOT_FOUND', `There is no job ${id}.`, { job: id });
    const giveUp = this.#giveUps.get(job.name);
    if (!giveUp) {
      const text = `A ${job.name} job cannot be cancelled.`;
      throw new FleetseedError('PRECONDITION_FAILED', text, { job: id });
    }
    if (job.finishedAt === null) await giveUp(job.data as never);
    await this.queue.cancel(id);
  }

  /** Resolves after the first look; one that fails is told and does not stop the start. */
  async begin(): Promise<void> {
    const onError = (error: unknown) => this.logger.error('unfinished work not found', { error });
    this.#ends.push(
      this.queue.onLoss(() => void this.look()),
      repeat(() => this.look(), { clock: this.clock, pauseMs: EVERY_MS, onError }),
    );
    await this.look();
  }

  end(): void {
    this.#ended = true;
    for (const end of this.#ends.splice(0)) end();
  }

  /** One look after the other, and one after every call. */
  look(): Promise<void> {
    this.#line = this.#line.then(() => this.#look());
    return this.#line;
  }

  async #look(): Promise<void> {
    for (const [what, enqueue] of this.#sources) {
      if (this.#ended) return;
      try {
        await enqueue();
      } catch (error) {
        this.logger.warn('unfinished work not enqueued', { what, error });
      }
    }
  }
}
