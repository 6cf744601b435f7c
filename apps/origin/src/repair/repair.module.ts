import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { CollectionModule } from '../collection/collection.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { QuarantineModule } from '../verification/quarantine.module.js';
import { VerificationModule } from '../verification/verification.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { RepairController } from './repair.controller.js';
import { RepairRecords } from './repair.records.js';
import { Repairer } from './repairer.js';
import { RestoredContent } from './restored-content.js';
import { SwarmFetch } from './swarm-fetch.js';

@Module({
  imports: [
    ArtifactsModule,
    CollectionModule,
    DepotModule,
    JobsModule,
    QuarantineModule,
    TrackerModule,
    VerificationModule,
    WebhooksModule,
  ],
  controllers: [RepairController],
  providers: [RepairRecords, Repairer, RestoredContent, SwarmFetch],
  exports: [RepairRecords],
})
export class RepairModule {}
