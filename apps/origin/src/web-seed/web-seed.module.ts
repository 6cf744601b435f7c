import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';

import type { Clock } from '#lib/runtime';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { AuthModule } from '../auth/auth.module.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { AgentStateModule } from '../targets/agent-state.module.js';
import { WebSeedAccess } from './web-seed.access.js';
import { WebSeedBudget } from './web-seed.budget.js';
import { WebSeedCounters } from './web-seed.counters.js';
import { WebSeedMiddleware } from './web-seed.middleware.js';

@Module({
  imports: [AgentStateModule, ArtifactsModule, AuthModule, LedgerModule],
  providers: [
    WebSeedAccess,
    WebSeedCounters,
    WebSeedMiddleware,
    {
      provide: WebSeedBudget,
      useFactory: (config: OriginConfig, clock: Clock) =>
        new WebSeedBudget(
          {
            maxConcurrent: config.webSeedConcurrent,
            bytesPerSecond: config.webSeedBytesPerSecond,
          },
          clock,
        ),
      inject: [ORIGIN_CONFIG, CLOCK],
    },
  ],
  exports: [WebSeedBudget, WebSeedCounters],
})
export class WebSeedModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(WebSeedMiddleware).forRoutes('webseed/*path');
  }
}
