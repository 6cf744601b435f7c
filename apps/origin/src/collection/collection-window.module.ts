import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { CollectionWindow } from './collection-window.js';

/** Apart from the collection, because uploads wait for its windows. */
@Module({ imports: [DepotModule], providers: [CollectionWindow], exports: [CollectionWindow] })
export class CollectionWindowModule {}
