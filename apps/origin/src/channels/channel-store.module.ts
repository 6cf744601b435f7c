import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { ChannelStore } from './channel-store.js';

/** Apart from the channels' routes, because apps are shown with their channels. */
@Module({ imports: [DepotModule], providers: [ChannelStore], exports: [ChannelStore] })
export class ChannelStoreModule {}
