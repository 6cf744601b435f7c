import { Module } from '@nestjs/common';

import { DepotModule } from '../depot/depot.module.js';
import { HealthController } from './health.controller.js';
import { Readiness } from './readiness.js';

@Module({ imports: [DepotModule], controllers: [HealthController], providers: [Readiness] })
export class HealthModule {}
