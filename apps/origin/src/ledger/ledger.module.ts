import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { LedgerController } from './ledger.controller.js';
import { LedgerService } from './ledger.service.js';

@Module({
  imports: [ArtifactsModule, AuthModule, ArtifactIndexModule, DepotModule, ReplicasModule],
  controllers: [LedgerController],
  providers: [LedgerService],
  exports: [LedgerService],
})
export class LedgerModule {}
