import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import type { Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { VerificationRecords } from './verification.records.js';

/** Enqueues verifications: one that was interrupted, one that is due, and when somebody asks. */
@Injectable()
export class VerificationSchedule implements OnModuleInit {
  constructor(
    private readonly records: VerificationRecords,
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.unfinished.register('a verification that is due', () => this.enqueueIfDue());
  }

  async enqueueIfDue(): Promise<void> {
    const report = await this.records.report();
    const every = this.config.verificationEverySeconds * 1000;
    const since = report?.finishedAt ?? Date.parse(this.depot.identity.created);
    const isDue = every > 0 && since + every <= this.clock.now();
    if (report?.finishedAt === null || isDue) await this.#enqueue();
  }

  /** Somebody asks: begun in the depot first, so that no queue can forget it. */
  async request() {
    await this.records.begin(this.clock.now());
    return this.#enqueue();
  }

  #enqueue() {
    return this.queue.enqueue('verify', {}, { id: 'verify', priority: 20 });
  }
}
