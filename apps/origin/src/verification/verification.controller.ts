import { Controller, Get, HttpCode, Post } from '@nestjs/common';

import type { Job, VerificationReport } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { jobOf } from '../jobs/jobs.controller.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { VerificationRecords } from './verification.records.js';

@Controller('api/v1/verification')
export class VerificationController {
  constructor(
    private readonly recurring: RecurringJobs,
    private readonly records: VerificationRecords,
  ) {}

  /** The report of the one under way, or of the last; null before the first. */
  @Get()
  @Scopes('fleet:read')
  async last(): Promise<{ report: VerificationReport | null }> {
    return { report: await this.records.report() };
  }

  /** Begins one, or gives the one under way; the job's result is its report. */
  @Post()
  @HttpCode(202)
  @Scopes('admin')
  async start(): Promise<Job> {
    return jobOf(await this.recurring.request('verify'));
  }
}
