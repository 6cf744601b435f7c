import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';

import { InProcessJobQueue } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { JobsController } from './jobs.controller.js';
import {
  JOB_QUEUE,
  ORIGIN_JOB_NAMES,
  type OriginJobQueue,
  type OriginJobs,
} from './origin-jobs.js';

/** Features register their handlers in `onModuleInit`; work begins when all of them have. */
@Module({
  controllers: [JobsController],
  providers: [
    {
      provide: JOB_QUEUE,
      useFactory: (clock: Clock, logger: Logger) =>
        new InProcessJobQueue<OriginJobs>({ names: ORIGIN_JOB_NAMES, clock, logger }),
      inject: [CLOCK, LOGGER],
    },
  ],
  exports: [JOB_QUEUE],
})
export class JobsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(JOB_QUEUE) private readonly queue: OriginJobQueue) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.queue.start();
  }

  /** Jobs cut short here are unfinished, not failed: the next start goes on with them. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.queue.close({ deadlineMs: 2000, graceMs: 1000 });
  }
}
