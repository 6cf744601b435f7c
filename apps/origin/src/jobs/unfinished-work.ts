import { Inject, Injectable } from '@nestjs/common';

import { repeat, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { JOB_QUEUE, type OriginJobQueue } from './origin-jobs.js';

/** For what no event tells: work that another replica wrote down and could not enqueue. */
const EVERY_MS = 600_000;

/**
 * Brings back jobs that the queue has lost: features say here how to enqueue what the depot says is
 * unfinished. Asked at start, when the queue was emptied or away, and now and then.
 */
@Injectable()
export class UnfinishedWork {
  readonly #sources = new Map<string, () => Promise<void>>();
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
