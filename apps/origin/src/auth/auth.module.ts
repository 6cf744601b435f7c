import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { OPENED_DEPOT } from '../depot/depot.tokens.js';
import type { OpenedDepot } from '../depot/open-depot.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { AuthenticateMiddleware } from './authenticate.middleware.js';
import { FileTokens } from './file-tokens.js';
import { JoinTokens } from './join-tokens.js';
import { PrincipalResolvers } from './principal-resolvers.js';
import { ScopesGuard } from './scopes.guard.js';
import { TokenNews } from './token-news.js';
import { TokenRegistry } from './token-registry.js';
import { TokenResolver } from './token-resolver.js';
import { TokenStore } from './token-store.js';
import { TokensController } from './tokens.controller.js';
import { TrackerKeySweeper } from './tracker-key.sweeper.js';
import { TrackerKeys } from './tracker-keys.js';

@Module({
  imports: [DepotModule, ReplicasModule],
  controllers: [TokensController],
  providers: [
    {
      provide: FileTokens,
      // The depot comes first: where it cannot be opened, nothing is made.
      useFactory: (config: OriginConfig, { makeToken }: OpenedDepot) =>
        FileTokens.open(config, makeToken),
      inject: [ORIGIN_CONFIG, OPENED_DEPOT],
    },
    AuthenticateMiddleware,
    JoinTokens,
    PrincipalResolvers,
    TokenNews,
    TokenRegistry,
    TokenResolver,
    TokenStore,
    TrackerKeySweeper,
    TrackerKeys,
    { provide: APP_GUARD, useClass: ScopesGuard },
  ],
  exports: [AuthenticateMiddleware, JoinTokens, PrincipalResolvers, TokenStore, TrackerKeys],
})
export class AuthModule {}
