import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';

import { DepotModule } from '../depot/depot.module.js';
import { AuthenticateMiddleware } from './authenticate.middleware.js';
import { PrincipalResolvers } from './principal-resolvers.js';
import { ScopesGuard } from './scopes.guard.js';

@Module({
  imports: [DepotModule],
  providers: [
    PrincipalResolvers,
    AuthenticateMiddleware,
    { provide: APP_GUARD, useClass: ScopesGuard },
  ],
  exports: [PrincipalResolvers, AuthenticateMiddleware],
})
export class AuthModule {}
