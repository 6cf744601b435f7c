import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { UploadEvents } from './upload-events.js';
import { UploadStore } from './upload-store.js';
import { UploadViews } from './upload-view.js';

/** What is known of uploads; apart from their routes, because publishing needs it too. */
@Module({
  imports: [DepotModule, ReleasesModule],
  providers: [UploadEvents, UploadStore, UploadViews],
  exports: [UploadEvents, UploadStore, UploadViews],
})
export class UploadStoreModule {}
