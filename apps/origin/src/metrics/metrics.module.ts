import { Module } from '@nestjs/common';

import { productVersion, type Clock } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import { CollectionModule } from '../collection/collection.module.js';
import { CollectionRecords } from '../collection/collection.records.js';
import { CLOCK } from '../config/start-context.js';
import { ContentCache } from '../content-cache/content-cache.js';
import { ContentCacheModule } from '../content-cache/content-cache.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { RepairModule } from '../repair/repair.module.js';
import { RepairRecords } from '../repair/repair.records.js';
import { SeederModule } from '../seeder/seeder.module.js';
import { SeederService } from '../seeder/seeder.service.js';
import { AgentStateModule } from '../targets/agent-state.module.js';
import { AgentStreams } from '../targets/agent.streams.js';
import { Presence } from '../targets/presence.js';
import { TargetRegistry } from '../targets/target.registry.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { VerificationModule } from '../verification/verification.module.js';
import { VerificationRecords } from '../verification/verification.records.js';
import { WebSeedBudget } from '../web-seed/web-seed.budget.js';
import { WebSeedCounters } from '../web-seed/web-seed.counters.js';
import { WebSeedModule } from '../web-seed/web-seed.module.js';
import { MetricsController } from './metrics.controller.js';
import { METRICS } from './metrics.tokens.js';
import { originMetrics } from './origin-metrics.js';

@Module({
  imports: [
    AgentStateModule,
    ArtifactIndexModule,
    CollectionModule,
    ContentCacheModule,
    JobsModule,
    LedgerModule,
    RepairModule,
    SeederModule,
    TrackerModule,
    VerificationModule,
    WebSeedModule,
  ],
  controllers: [MetricsController],
  providers: [
    {
      provide: METRICS,
      useFactory: registryOf,
      inject: [
        LedgerService,
        TargetRegistry,
        Presence,
        AgentStreams,
        Tracker,
        ArtifactIndexService,
        SeederService,
        ContentCache,
        WebSeedCounters,
        WebSeedBudget,
        CollectionRecords,
        VerificationRecords,
        RepairRecords,
        JOB_QUEUE,
        CLOCK,
      ],
    },
  ],
})
export class MetricsModule {}

function registryOf(
  ledger: LedgerService,
  targets: TargetRegistry,
  presence: Presence,
  streams: AgentStreams,
  tracker: Tracker,
  artifacts: ArtifactIndexService,
  seeder: SeederService,
  contentCache: ContentCache,
  webSeed: WebSeedCounters,
  webSeedBudget: WebSeedBudget,
  collections: CollectionRecords,
  verifications: VerificationRecords,
  repairs: RepairRecords,
  queue: OriginJobQueue,
  clock: Clock,
) {
  return originMetrics({
    version: productVersion(),
    receivedBytes: () => ledger.received(),
    deliveredBytes: () => ledger.total().delivered,
    wastedBytes: () => ledger.total().wasted,
    residualBytes: () => ledger.total().residual,
    originSentBytes: () => ledger.total().originByReason,
    targets: () => {
      const online = presence.onlineCount(clock.now());
      return { online, offline: Math.max(0, targets.size - online) };
    },
    eventStreams: () => streams.targets().length,
    trackerPeers: () => tracker.stats(),
    trackerTotals: () => tracker.totals,
    artifacts: () => artifacts.index.size,
    seededTorrents: () => seeder.activeCount,
    seederConnections: () => seeder.connectionCount,
    webSeedRequests: () => webSeed.requests,
    webSeedRunning: () => webSeedBudget.running,
    contentCache: () => contentCache.figures,
    // A queue that is away must not take all other numbers with it.
    jobs: async () => ({ ...(await queue.counts().catch(() => ({}))) }),
    collection: () => collections.report(),
    verification: () => verifications.report(),
    repair: () => repairs.report(),
  });
}
