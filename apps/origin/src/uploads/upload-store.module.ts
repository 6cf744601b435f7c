import { Module } from '@nestjs/common';

import { CollectionWindowModule } from '../collection/collection-window.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { GatheredUploads } from './gathered-uploads.js';
import { HashedParts } from './hashed-parts.js';
import { SingleFileUploads } from './single-file-uploads.js';
import { UploadEvents } from './upload-events.js';
import { UploadHashing } from './upload-hashing.js';
import { UploadStore } from './upload-store.js';
import { UploadViews } from './upload-view.js';

/** What is known of uploads, and how they are hashed; apart from their routes, because publishing needs it too. */
@Module({
  imports: [CollectionWindowModule, DepotModule, ReleasesModule],
  providers: [
    GatheredUploads,
    HashedParts,
    SingleFileUploads,
    UploadEvents,
    UploadHashing,
    UploadStore,
    UploadViews,
  ],
  exports: [
    GatheredUploads,
    HashedParts,
    SingleFileUploads,
    UploadEvents,
    UploadHashing,
    UploadStore,
    UploadViews,
  ],
})
export class UploadStoreModule {}
