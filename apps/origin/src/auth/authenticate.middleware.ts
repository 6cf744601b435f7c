import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Response } from 'express';

import { FleetseedError, toFleetseedError } from '#lib/contracts';

import { bearerOf, type AuthenticatedRequest } from './authenticated-request.js';
import { PrincipalResolvers } from './principal-resolvers.js';

/**
 * Finds out who is asking, before any body is read: how much body is accepted depends on it. It
 * refuses nobody; that is the guard's part, which knows what the route wants.
 */
@Injectable()
export class AuthenticateMiddleware implements NestMiddleware {
  constructor(private readonly resolvers: PrincipalResolvers) {}

  use(request: AuthenticatedRequest, _: Response, next: NextFunction): void {
    const token = bearerOf(request);
    if (token === null) {
      request.caller = new FleetseedError('TOKEN_MISSING', 'This needs a bearer token.');
      next();
      return;
    }
    this.resolvers.resolve(token).then(
      (caller) => {
        request.caller = caller;
        next();
      },
      (error: unknown) => {
        request.caller = toFleetseedError(error);
        next();
      },
    );
  }
}
