import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { LimitsController } from './limits.controller.js';
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
    ReplicasModule,
    TrackerModule,
  ],
  controllers: [LimitsController],
  providers: [LivingSeeders, SeederService, WantedArtifacts],
  exports: [SeederService],
})
export class SeederModule {}
