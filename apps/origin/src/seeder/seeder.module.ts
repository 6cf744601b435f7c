import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { LivingSeeders } from './living-seeders.js';
import { SeederService } from './seeder.service.js';
import { WantedArtifacts } from './wanted.artifacts.js';

@Module({
  imports: [
    ArtifactIndexModule,
    ArtifactsModule,
    DepotModule,
    EventsModule,
    LedgerModule,
    LimitsModule,
    ReplicasModule,
    TrackerModule,
  ],
  providers: [LivingSeeders, SeederService, WantedArtifacts],
  exports: [SeederService],
})
export class SeederModule {}
