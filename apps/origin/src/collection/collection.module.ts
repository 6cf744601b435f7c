import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { ChannelStoreModule } from '../channels/channel-store.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { UploadStoreModule } from '../uploads/upload-store.module.js';
import { QuarantineModule } from '../verification/quarantine.module.js';
import { CollectionWindowModule } from './collection-window.module.js';
import { CollectionController } from './collection.controller.js';
import { CollectionRecords } from './collection.records.js';
import { Collector } from './collector.js';
import { LiveMarker } from './live-marks.js';
import { Repacker } from './repacker.js';
import { Retention } from './retention.js';
import { Sweeper } from './sweeper.js';

@Module({
  imports: [
    ArtifactsModule,
    ChannelStoreModule,
    CollectionWindowModule,
    DepotModule,
    EventsModule,
    JobsModule,
    QuarantineModule,
    ReleasesModule,
    UploadStoreModule,
  ],
  controllers: [CollectionController],
  providers: [CollectionRecords, Collector, LiveMarker, Repacker, Retention, Sweeper],
  exports: [CollectionRecords, LiveMarker, Repacker],
})
export class CollectionModule {}
