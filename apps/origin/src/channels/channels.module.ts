import { Module } from '@nestjs/common';

import { EventsModule } from '../events/events.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ChannelStoreModule } from './channel-store.module.js';
import { ChannelsController } from './channels.controller.js';
import { ChannelsService } from './channels.service.js';

@Module({
  imports: [ChannelStoreModule, EventsModule, ReleasesModule],
  controllers: [ChannelsController],
  providers: [ChannelsService],
  exports: [ChannelsService, ChannelStoreModule],
})
export class ChannelsModule {}
