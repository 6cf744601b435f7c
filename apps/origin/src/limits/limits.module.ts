import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { FleetLimits } from './fleet-limits.js';
import { LimitsController } from './limits.controller.js';

@Module({
  imports: [ArtifactIndexModule, DepotModule, ReplicasModule],
  controllers: [LimitsController],
  providers: [FleetLimits],
  exports: [FleetLimits],
})
export class LimitsModule {}
