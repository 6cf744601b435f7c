import { Module } from '@nestjs/common';

import { GarbageFinder } from '../collection/garbage.finder.js';
import { DepotModule } from '../depot/depot.module.js';
import { Quarantine } from './quarantine.js';

/** Apart from the verification, because uploads ask what is lost. */
@Module({
  imports: [DepotModule],
  providers: [GarbageFinder, Quarantine],
  exports: [GarbageFinder, Quarantine],
})
export class QuarantineModule {}
