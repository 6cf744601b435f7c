import { Module } from '@nestjs/common';
import type { Registry } from 'prom-client';

import { CollectionModule } from '../collection/collection.module.js';
import { ContentCacheModule } from '../content-cache/content-cache.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { S3Requests } from '../depot/s3-requests.js';
import { ImportsModule } from '../imports/imports.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { RepairModule } from '../repair/repair.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { SeederModule } from '../seeder/seeder.module.js';
import { AgentStateModule } from '../targets/agent-state.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { VerificationModule } from '../verification/verification.module.js';
import { WebSeedModule } from '../web-seed/web-seed.module.js';
import { GatheredSources } from './gathered.sources.js';
import { MetricsController } from './metrics.controller.js';
import { METRICS } from './metrics.tokens.js';
import { originMetrics } from './origin-metrics.js';

@Module({
  imports: [
    AgentStateModule,
    ArtifactIndexModule,
    CollectionModule,
    ContentCacheModule,
    DepotModule,
    ImportsModule,
    JobsModule,
    LedgerModule,
    RepairModule,
    ReplicasModule,
    SeederModule,
    TrackerModule,
    VerificationModule,
    WebSeedModule,
  ],
  controllers: [MetricsController],
  providers: [
    GatheredSources,
    { provide: METRICS, useFactory: registryOf, inject: [GatheredSources, S3Requests] },
  ],
})
export class MetricsModule {}

function registryOf(sources: GatheredSources, s3Requests: S3Requests): Registry {
  const registry = originMetrics(sources);
  for (const metric of s3Requests.metrics) registry.registerMetric(metric);
  return registry;
}
