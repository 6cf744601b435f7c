import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { ImportStore } from './import-store.js';

/** Apart from the rest, because whoever sweeps uploads asks which of them belong to an import. */
@Module({ imports: [DepotModule], providers: [ImportStore], exports: [ImportStore] })
export class ImportStoreModule {}
