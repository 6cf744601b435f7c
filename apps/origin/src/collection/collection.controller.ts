import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';

import { StartCollection, type CollectionReport, type Job } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { jobOf } from '../jobs/jobs.controller.js';
import { CollectionRecords } from './collection.records.js';
import { CollectionSchedule } from './collection.schedule.js';

@Controller('api/v1/collection')
export class CollectionController {
  constructor(
    private readonly schedule: CollectionSchedule,
    private readonly records: CollectionRecords,
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
    return jobOf(await this.schedule.request(dryRun));
  }
}
