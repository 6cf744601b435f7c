import { Module } from '@nestjs/common';

import { ChannelsModule } from '../channels/channels.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { PublishingModule } from '../publishing/publishing.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { UploadStoreModule } from '../uploads/upload-store.module.js';
import { GatheringParts } from './gathering-parts.js';
import { ImportFetcher } from './import-fetcher.js';
import { ImportSources } from './import-sources.js';
import { ImportStoreModule } from './import-store.module.js';
import { ImportViews } from './import-views.js';
import { ImportCounters } from './import.counters.js';
import { Importer } from './importer.js';
import { ImportsController } from './imports.controller.js';
import { ImportsService } from './imports.service.js';
import { TreeFetcher } from './tree-fetcher.js';
import { TreeGathering } from './tree-gathering.js';

@Module({
  imports: [
    ChannelsModule,
    DepotModule,
    ImportStoreModule,
    JobsModule,
    PublishingModule,
    ReleasesModule,
    UploadStoreModule,
  ],
  controllers: [ImportsController],
  providers: [
    GatheringParts,
    ImportCounters,
    ImportFetcher,
    ImportSources,
    ImportViews,
    Importer,
    ImportsService,
    TreeFetcher,
    TreeGathering,
  ],
  exports: [ImportCounters],
})
export class ImportsModule {}
