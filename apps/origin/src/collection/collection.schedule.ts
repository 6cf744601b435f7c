import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import type { Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { CollectionRecords } from './collection.records.js';

/** Enqueues collections: when the last one is long ago, and when somebody asks. */
@Injectable()
export class CollectionSchedule implements OnModuleInit {
  constructor(
    private readonly records: CollectionRecords,
    private readonly unfinished: UnfinishedWork,
    @Inject(JOB_QUEUE) private readonly queue: OriginJobQueue,
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.unfinished.register('a collection that is due', () => this.enqueueIfDue());
  }

  async enqueueIfDue(): Promise<void> {
    const every = this.config.collectionEverySeconds * 1000;
    const report = await this.records.report();
    const since = report?.finishedAt ?? Date.parse(this.depot.identity.created);
    const isDue = every > 0 && since + every <= this.clock.now();
    const isOwed = (await this.records.requestedAt()) > (report?.startedAt ?? 0);
    if (isDue || isOwed) await this.#enqueue(false);
  }

  /** Somebody asks: written down, so that no queue can forget it. A dry run is asked for again. */
  async request(dryRun: boolean) {
    if (!dryRun) await this.records.writeRequest(this.clock.now());
    return this.#enqueue(dryRun);
  }

  /** One at a time: while one is under way, that is the answer. */
  #enqueue(dryRun: boolean) {
    return this.queue.enqueue(
      'collect',
      { dryRun },
      { id: dryRun ? 'collect-dry-run' : 'collect', priority: 10 },
    );
  }
}
