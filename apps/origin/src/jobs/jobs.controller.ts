import { Controller, Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';

import { FleetseedError, PageQuery, type Job, type Page } from '#lib/contracts';
import type { JobView, JobViewOf } from '#lib/jobs';

import { Scopes } from '../auth/scopes.decorator.js';
import { JOB_QUEUE, type OriginJobQueue, type OriginJobs } from './origin-jobs.js';
import { UnfinishedWork } from './unfinished-work.js';

@Controller('api/v1/jobs')
@Scopes('fleet:read')
export class JobsController {
  constructor(
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
  ) {}

  @Get()
  async list(@Query({ schema: PageQuery }) { limit }: PageQuery): Promise<Page<Job>> {
    const views = await this.queue.list({ limit });
    return { items: views.map((view) => this.#jobOf(view)), next: null };
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<Job> {
    return this.#jobOf((await this.queue.get(id)) ?? unknownJob(id));
  }

  /** Takes a waiting job out, or ends a running one at its next step. No error for one that has ended. */
  @Delete(':id')
  @HttpCode(204)
  @Scopes('admin')
  async cancel(@Param('id') id: string): Promise<void> {
    await this.unfinished.cancel(id);
  }

  #jobOf(view: OriginJobView): Job {
    return {
      ...jobOf(view),
      cancellable: isUnderWay(view) && this.unfinished.canCancel(view.name),
    };
  }
}

type OriginJobView = JobViewOf<OriginJobs, keyof OriginJobs>;

function isUnderWay({ finishedAt }: JobView): boolean {
  return finishedAt === null;
}

/** The queue's view as the API tells it. */
export function jobOf(view: JobView): Job {
  const { done, total } = view.progress ?? { done: 0, total: 0 };
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const { about, from } = view.data as { readonly about?: string; readonly from?: string };
  return {
    job: view.id,
    name: view.name,
    about: about ?? null,
    from: from ?? null,
    state: STATES[view.state],
    progress: view.state === 'done' ? 1 : share,
    step: view.progress?.step ?? null,
    cancellable: false,
    attempts: view.attempt,
    createdAt: view.queuedAt,
    finishedAt: view.finishedAt,
    result: view.result,
    error: view.error && { code: view.error.code, detail: view.error.message },
  };
}

const STATES = {
  waiting: 'waiting',
  delayed: 'waiting',
  active: 'active',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;

function unknownJob(id: string): never {
  throw new FleetseedError(
    'JOB_NOT_FOUND',
    `There is no job ${id} (finished ones are forgotten).`,
    {
      job: id,
    },
  );
}
