import { Controller, Get, Inject, Param, Query } from '@nestjs/common';

import { FleetseedError, PageQuery, type Job, type Page } from '#lib/contracts';
import type { JobView } from '#lib/jobs';

import { Scopes } from '../auth/scopes.decorator.js';
import { JOB_QUEUE, type OriginJobQueue } from './origin-jobs.js';

@Controller('api/v1/jobs')
@Scopes('fleet:read')
export class JobsController {
  constructor(@Inject(JOB_QUEUE) private readonly queue: OriginJobQueue) {}

  @Get()
  async list(@Query({ schema: PageQuery }) { limit }: PageQuery): Promise<Page<Job>> {
    return { items: (await this.queue.list({ limit })).map(jobOf), next: null };
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<Job> {
    return jobOf((await this.queue.get(id)) ?? unknownJob(id));
  }
}

/** The queue's view as the API tells it. */
export function jobOf(view: JobView): Job {
  const { done, total } = view.progress ?? { done: 0, total: 0 };
  const share = total > 0 ? Math.min(1, done / total) : 0;
  return {
    job: view.id,
    name: view.name,
    state: STATES[view.state],
    progress: view.state === 'done' ? 1 : share,
    attempts: view.attempt,
    createdAt: view.queuedAt,
    finishedAt: view.finishedAt,
    error: view.error && { code: view.error.code, detail: view.error.message },
  };
}

const STATES = {
  waiting: 'waiting',
  delayed: 'waiting',
  active: 'active',
  done: 'done',
  failed: 'failed',
  cancelled: 'failed',
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
