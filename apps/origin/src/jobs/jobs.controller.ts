import { Controller, Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';

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

  /** Takes a waiting job out, or ends a running one at its next step. No error for one that has ended. */
  @Delete(':id')
  @HttpCode(204)
  @Scopes('admin')
  async cancel(@Param('id') id: string): Promise<void> {
    const job = (await this.queue.get(id)) ?? unknownJob(id);
    if (NOT_CANCELLED.includes(job.name)) {
      throw new FleetseedError('PRECONDITION_FAILED', `A ${job.name} job cannot be cancelled.`, {
        job: id,
      });
    }
    await this.queue.cancel(id);
  }
}

/** What is taken is published: an upload is dropped before it is complete, or not at all. */
const NOT_CANCELLED = ['publish'];

/** The queue's view as the API tells it. */
export function jobOf(view: JobView): Job {
  const { done, total } = view.progress ?? { done: 0, total: 0 };
  const share = total > 0 ? Math.min(1, done / total) : 0;
  return {
    job: view.id,
    name: view.name,
    state: STATES[view.state],
    progress: view.state === 'done' ? 1 : share,
    step: view.progress?.step ?? null,
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
