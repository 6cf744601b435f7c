import { Module } from '@nestjs/common';

import { CollectionModule } from '../collection/collection.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { ObjectCheck } from './object-check.js';
import { QuarantineModule } from './quarantine.module.js';
import { VerificationController } from './verification.controller.js';
import { VerificationRecords } from './verification.records.js';
import { Verifier } from './verifier.js';
import { Withdrawal } from './withdrawal.js';

@Module({
  imports: [
    CollectionModule,
    DepotModule,
    JobsModule,
    QuarantineModule,
    ReleasesModule,
    WebhooksModule,
  ],
  controllers: [VerificationController],
  providers: [ObjectCheck, VerificationRecords, Verifier, Withdrawal],
  exports: [VerificationRecords],
})
export class VerificationModule {}
