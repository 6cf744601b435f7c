import { Module } from '@nestjs/common';

import { ChannelStoreModule } from '../channels/channel-store.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { EventsModule } from './events.module.js';
import { FleetNews } from './fleet-news.js';

/** Apart from the events themselves, which need nothing. */
@Module({
  imports: [ChannelStoreModule, EventsModule, ReleasesModule, ReplicasModule],
  providers: [FleetNews],
  exports: [FleetNews],
})
export class FleetNewsModule {}
