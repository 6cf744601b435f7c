import { Module } from '@nestjs/common';

import { EventsModule } from '../events/events.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactIndexService } from './artifact-index.service.js';

@Module({
  imports: [EventsModule, ReleasesModule, ReplicasModule],
  providers: [ArtifactIndexService],
  exports: [ArtifactIndexService],
})
export class ArtifactIndexModule {}
