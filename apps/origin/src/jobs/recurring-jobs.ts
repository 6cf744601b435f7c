import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';

import { Timestamp } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';
import type { RunningJob } from '#lib/jobs';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from './origin-jobs.js';
import { UnfinishedWork } from './unfinished-work.js';

/** Work on the depot as a whole: one of a name at a time, whichever replica does it. */
export type RecurringName = 'collect' | 'verify' | 'repair';

type Data<Name extends RecurringName> = OriginJobs[Name]['data'];
type Result<Name extends RecurringName> = OriginJobs[Name]['result'];

export interface RecurringOptions<Name extends RecurringName> {
  readonly run: (job: RunningJob<Data<Name>>) => Promise<Result<Name>>;
  readonly data: Data<Name>;
  /** Between the end of one and the begin of the next, milliseconds; 0 leaves it to be asked for. */
  readonly everyMs: number;
  /** Whether there is anything to do when the time has come; always by default. */
  readonly isNeeded?: () => Promise<boolean>;
  readonly priority: number;
  readonly timeoutMs: number;
}

/** `schedules/<job>.json` */
const ScheduleDocument = z.looseObject({
  v: z.literal(1),
  /** When somebody asked for one that has not been done; 0 for nobody. */
  requestedAt: Timestamp,
  /** When the last one ended or was cancelled. */
  settledAt: Timestamp,
});
type ScheduleDocument = z.infer<typeof ScheduleDocument>;

/**
 * Work that is done now and then, and when somebody asks. Whether it is due is in the depot, and so
 * is that somebody has asked: one that is lost with its queue, or whose process dies, is enqueued again.
 */
@Injectable()
export class RecurringJobs {
  readonly #documents: DocumentStore<ScheduleDocument>;
  readonly #known = new Map<RecurringName, { readonly data: unknown; readonly priority: number }>();

  constructor(
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#documents = new DocumentStore(depot, ScheduleDocument, 1);
  }

  /** To be called in `onModuleInit`: what is registered is begun when it is due. */
  register<Name extends RecurringName>(name: Name, options: RecurringOptions<Name>): void {
    const { data, priority, timeoutMs, everyMs, isNeeded } = options;
    this.#known.set(name, { data, priority });
    const run = async (job: RunningJob<Data<Name>>): Promise<Result<Name>> => {
      const beganAt = this.clock.now();
      const result = await options.run(job);
      if (job.id === name) await this.#settle(name, beganAt);
      return result;
    };
    this.queue.register(name, run, { timeoutMs });
    this.unfinished.register(`${name} that is due`, async () => {
      if (await this.#isDue(name, everyMs, isNeeded)) await this.#enqueue(name);
    });
    this.unfinished.onCancel(name, () => this.#settle(name, this.clock.now()));
  }

  /** Somebody asks: written down, so that no queue can forget it. One under way is the answer. */
  async request<Name extends RecurringName>(name: Name) {
    const requestedAt = this.clock.now();
    await this.#documents.update(keyOf(name), (current) => ({
      ...(current ?? { v: 1, settledAt: this.#created }),
      requestedAt,
    }));
    return this.#enqueue(name);
  }

  async #isDue(
    name: RecurringName,
    everyMs: number,
    isNeeded: (() => Promise<boolean>) | undefined,
  ): Promise<boolean> {
    const found = (await this.#documents.read(keyOf(name)))?.value;
    if ((found?.requestedAt ?? 0) > 0) return true;
    const settledAt = found?.settledAt ?? this.#created;
    if (everyMs === 0 || settledAt + everyMs > this.clock.now()) return false;
    return (await isNeeded?.()) ?? true;
  }

  /** Whoever asked after `beganAt` may have meant what came after that, too. */
  async #settle(name: RecurringName, beganAt: number): Promise<void> {
    const settledAt = this.clock.now();
    await this.#documents.update(keyOf(name), (current) => {
      const asked = current?.requestedAt ?? 0;
      return { ...current, v: 1, settledAt, requestedAt: asked > beganAt ? asked : 0 };
    });
  }

  #enqueue(name: RecurringName) {
    const { data, priority } = this.#known.get(name)!;
    return this.queue.enqueue(name, data as never, { id: name, priority });
  }

  get #created(): number {
    return Date.parse(this.depot.identity.created);
  }
}

function keyOf(name: RecurringName): string {
  return `schedules/${name}.json`;
}
