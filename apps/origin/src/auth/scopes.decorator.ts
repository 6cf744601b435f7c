import {
  createParamDecorator,
  SetMetadata,
  type CustomDecorator,
  type ExecutionContext,
} from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';

import type { AuthenticatedRequest } from './authenticated-request.js';
import type { Principal } from './principal.js';

/**
 * What a caller needs. `app:…` is about the app in the path (`:app`); on a route without one it asks
 * for the action on any app, and the service checks the app it finds. `agent` is an agent's session,
 * `any` every valid token.
 */
export type RouteScope =
  | 'any'
  | 'agent'
  | 'admin'
  | 'fleet:read'
  | 'app:read'
  | 'app:push'
  | 'app:release';

export const ROUTE_SCOPES = 'fleetseed:scopes';

/** One of these is enough. A route without `@Scopes` and without `@Public` is closed to everybody. */
export const Scopes = (...scopes: [RouteScope, ...RouteScope[]]): CustomDecorator =>
  SetMetadata(ROUTE_SCOPES, scopes);

/** Answered without a token: the route is harmless, or asks for its own proof. */
export const Public = (): CustomDecorator => SetMetadata(ROUTE_SCOPES, []);

/** The caller, for handlers behind `@Scopes`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (caller instanceof Error || !caller) {
    throw new FleetseedError('INTERNAL', 'A handler wants the caller of an open route.');
  }
  return caller;
});
