import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { UploadStoreModule } from '../uploads/upload-store.module.js';
import { QuarantineModule } from '../verification/quarantine.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { ArtifactMaker } from './artifact-maker.js';
import { DirectContent } from './direct-content.js';
import { KnownPlaces } from './known-places.js';
import { PublishQueue } from './publish-queue.js';
import { Publisher } from './publisher.js';
import { UploadContent } from './upload-content.js';
import { V1Pieces } from './v1-pieces.js';

@Module({
  imports: [
    ArtifactsModule,
    DepotModule,
    EventsModule,
    JobsModule,
    QuarantineModule,
    ReleasesModule,
    UploadStoreModule,
    WebhooksModule,
  ],
  providers: [
    ArtifactMaker,
    DirectContent,
    KnownPlaces,
    PublishQueue,
    Publisher,
    UploadContent,
    V1Pieces,
  ],
  exports: [KnownPlaces, Publisher, PublishQueue],
})
export class PublishingModule {}
