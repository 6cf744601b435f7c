import { Module } from '@nestjs/common';

import { ChannelStoreModule } from '../channels/channel-store.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { ReleaseCatalog } from './release-catalog.js';
import { ReleasesController } from './releases.controller.js';
import { ReleasesService } from './releases.service.js';

@Module({
  imports: [ChannelStoreModule, DepotModule],
  controllers: [ReleasesController],
  providers: [ReleaseCatalog, ReleasesService],
  exports: [ReleaseCatalog, ReleasesService],
})
export class ReleasesModule {}
