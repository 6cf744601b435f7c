import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';

import { StartCollection, type CollectionReport, type Job } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { jobOf } from '../jobs/jobs.controller.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { CollectionRecords } from './collection.records.js';

@Controller('api/v1/collection')
export class CollectionController {
  constructor(
    private readonly recurring: RecurringJobs,
    private readonly records: CollectionRecords,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
  ) {}

  /** The report of the last collection that removed anything it could; null before the first. */
  @Get()
  @Scopes('fleet:read')
  async last(): Promise<{ report: CollectionReport | null }> {
    return { report: await this.records.report() };
  }

  /** Begins one, or gives the one under way; the job's result is its report. */
  @Post()
  @HttpCode(202)
  @Scopes('admin')
  async start(@Body({ schema: StartCollection }) { dryRun }: StartCollection): Promise<Job> {
    if (!dryRun) return jobOf(await this.recurring.request('collect'));
    // Nothing depends on it, so nobody remembers it either.
    const aside = { id: 'collect-dry-run', priority: 10 };
    return jobOf(await this.queue.enqueue('collect', { dryRun }, aside));
  }
}
