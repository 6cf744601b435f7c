import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { openQueue } from './job-queue.factory.js';
import { JobRuns } from './job-runs.js';
import { JobsController } from './jobs.controller.js';
import { JOB_QUEUE, ORIGIN_JOB_NAMES, type OriginJobQueue } from './origin-jobs.js';
import { RecurringJobs } from './recurring-jobs.js';
import { UnfinishedWork } from './unfinished-work.js';

/** Features register their handlers in `onModuleInit`; work begins when all of them have. */
@Module({
  imports: [DepotModule],
  controllers: [JobsController],
  providers: [
    {
      provide: JOB_QUEUE,
      useFactory: openQueue,
      inject: [ORIGIN_CONFIG, DEPOT, JobRuns, CLOCK, LOGGER],
    },
    { provide: JobRuns, useFactory: () => new JobRuns(ORIGIN_JOB_NAMES) },
    RecurringJobs,
    UnfinishedWork,
  ],
  exports: [JOB_QUEUE, JobRuns, RecurringJobs, UnfinishedWork],
})
export class JobsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #closing: Promise<void> | null = null;

  constructor(
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    private readonly unfinished: UnfinishedWork,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    shutdown: ShutdownSignal,
  ) {
    // While running requests come to their end, so do running jobs.
    shutdown.signal.addEventListener('abort', () => void this.#close(), { once: true });
  }

  /** Without the role `work` jobs are written down here, and done by others. */
  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.roles.includes('work')) return;
    await this.queue.start();
    await this.unfinished.begin();
  }

  /** Jobs cut short here are unfinished, not failed: the next start goes on with them. */
  beforeApplicationShutdown(): Promise<void> {
    return this.#close();
  }

  #close(): Promise<void> {
    this.unfinished.end();
    this.#closing ??= this.queue.close({ deadlineMs: 2000, graceMs: 1000 });
    return this.#closing;
  }
}
