import { Module } from '@nestjs/common';

import { CollectionModule } from '../collection/collection.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ObjectCheck } from './object-check.js';
import { QuarantineModule } from './quarantine.module.js';
import { VerificationController } from './verification.controller.js';
import { VerificationRecords } from './verification.records.js';
import { VerificationSchedule } from './verification.schedule.js';
import { Verifier } from './verifier.js';

@Module({
  imports: [CollectionModule, DepotModule, JobsModule, QuarantineModule, ReleasesModule],
  controllers: [VerificationController],
  providers: [ObjectCheck, VerificationRecords, VerificationSchedule, Verifier],
  exports: [VerificationRecords],
})
export class VerificationModule {}
