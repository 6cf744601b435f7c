import { Module } from '@nestjs/common';

import { AuthModule } from '../auth/auth.module.js';
import { ContentCacheModule } from '../content-cache/content-cache.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactAccess } from './artifact-access.js';
import { ArtifactLibrary } from './artifact-library.js';
import { ArtifactsController } from './artifacts.controller.js';
import { ArtifactsService } from './artifacts.service.js';
import { SwarmSecrets } from './swarm-secrets.js';
import { TicketOffice } from './ticket-office.js';

@Module({
  imports: [
    AuthModule,
    ContentCacheModule,
    DepotModule,
    EventsModule,
    ReleasesModule,
    ReplicasModule,
  ],
  controllers: [ArtifactsController],
  providers: [ArtifactAccess, ArtifactLibrary, ArtifactsService, SwarmSecrets, TicketOffice],
  exports: [ArtifactAccess, ArtifactLibrary, SwarmSecrets, TicketOffice],
})
export class ArtifactsModule {}
