import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { ChannelsModule } from '../channels/channels.module.js';
import { CollectionWindowModule } from '../collection/collection-window.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { ImportStoreModule } from '../imports/import-store.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { QuarantineModule } from '../verification/quarantine.module.js';
import { ContentUploads } from './content-uploads.js';
import { KnownContentFinder } from './known-content.js';
import { PartReceiver } from './part-receiver.js';
import { PartUrls } from './part-urls.js';
import { UploadStarter } from './upload-starter.js';
import { UploadStoreModule } from './upload-store.module.js';
import { UploadSweeper } from './upload-sweeper.js';
import { UploadsController } from './uploads.controller.js';
import { UploadsService } from './uploads.service.js';

@Module({
  imports: [
    ArtifactsModule,
    ChannelsModule,
    CollectionWindowModule,
    DepotModule,
    ImportStoreModule,
    PublishingModule,
    QuarantineModule,
    ReleasesModule,
    UploadStoreModule,
  ],
  controllers: [UploadsController],
  providers: [
    ContentUploads,
    KnownContentFinder,
    PartReceiver,
    PartUrls,
    UploadStarter,
    UploadSweeper,
    UploadsService,
  ],
})
export class UploadsModule {}
