import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';

import { ArtifactsModule } from './artifacts/artifacts.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ChannelsModule } from './channels/channels.module.js';
import { CollectionModule } from './collection/collection.module.js';
import { ConfigModule } from './config/config.module.js';
import type { StartContext } from './config/start-context.js';
import { DashboardPageModule } from './dashboard-page/dashboard-page.module.js';
import { DepotModule } from './depot/depot.module.js';
import { EventsModule } from './events/events.module.js';
import { FleetNewsModule } from './events/fleet-news.module.js';
import { HealthModule } from './health/health.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ImportsModule } from './imports/imports.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { LimitsModule } from './limits/limits.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PublishingModule } from './publishing/publishing.module.js';
import { ReleasesModule } from './releases/releases.module.js';
import { RepairModule } from './repair/repair.module.js';
import { ReplicasModule } from './replicas/replicas.module.js';
import { SeederModule } from './seeder/seeder.module.js';
import { ServiceModule } from './service/service.module.js';
import { SwarmsModule } from './swarms/swarms.module.js';
import { TargetsModule } from './targets/targets.module.js';
import { TrackerModule } from './tracker/tracker.module.js';
import { UploadsModule } from './uploads/uploads.module.js';
import { VerificationModule } from './verification/verification.module.js';
import { WebSeedModule } from './web-seed/web-seed.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The features of the origin; each is a module of its own folder. */
const FEATURES = [
  ArtifactsModule,
  AuthModule,
  ChannelsModule,
  CollectionModule,
  DashboardPageModule,
  DepotModule,
  EventsModule,
  FleetNewsModule,
  HealthModule,
  ImportsModule,
  LedgerModule,
  LimitsModule,
  MetricsModule,
  JobsModule,
  PublishingModule,
  ReleasesModule,
  ReplicasModule,
  RepairModule,
  SeederModule,
  ServiceModule,
  UploadsModule,
  SwarmsModule,
  TargetsModule,
  TrackerModule,
  VerificationModule,
  WebSeedModule,
  WebhooksModule,
];

@Module({})
export class OriginModule {
  static of(context: StartContext): DynamicModule {
    return {
      module: OriginModule,
      imports: [ConfigModule.of(context), ...FEATURES],
      providers: [ProblemFilter, { provide: APP_FILTER, useExisting: ProblemFilter }],
    };
  }
}
