import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { EventsModule } from '../events/events.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { LimitsController } from './limits.controller.js';
import { SeederService } from './seeder.service.js';

@Module({
  imports: [
    ArtifactIndexModule,
    ArtifactsModule,
    DepotModule,
    EventsModule,
    LedgerModule,
    TrackerModule,
  ],
  controllers: [LimitsController],
  providers: [SeederService],
  exports: [SeederService],
})
export class SeederModule {}
