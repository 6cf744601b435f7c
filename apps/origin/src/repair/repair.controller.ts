import { Controller, Get, HttpCode, Post } from '@nestjs/common';

import type { Job, RepairReport } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { jobOf } from '../jobs/jobs.controller.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { RepairRecords } from './repair.records.js';

@Controller('api/v1/repair')
export class RepairController {
  constructor(
    private readonly recurring: RecurringJobs,
    private readonly records: RepairRecords,
  ) {}

  /** The report of the last one; null before the first. */
  @Get()
  @Scopes('fleet:read')
  async last(): Promise<{ report: RepairReport | null }> {
    return { report: await this.records.report() };
  }

  /** Begins one, or gives the one under way; the job's result is its report. */
  @Post()
  @HttpCode(202)
  @Scopes('admin')
  async start(): Promise<Job> {
    return jobOf(await this.recurring.request('repair'));
  }
}
