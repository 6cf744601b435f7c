import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { FleetseedError } from '#lib/contracts';

import type { AuthenticatedRequest } from './authenticated-request.js';
import { forbidden, isAdmin, mayApp, type AppAction, type Principal } from './principal.js';
import { ROUTE_SCOPES, type RouteScope } from './scopes.decorator.js';

/** Holds every route to its `@Scopes`; a route that names none is closed. */
@Injectable()
export class ScopesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const scopes = this.reflector.getAllAndOverride<RouteScope[] | undefined>(ROUTE_SCOPES, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (scopes === undefined) {
      throw new FleetseedError('INTERNAL', 'A route says neither @Scopes nor @Public.');
    }
    if (scopes.length === 0) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    admit(request.caller, scopes, appOf(request));
    return true;
  }
}

/** @throws what the middleware found wrong with the token; FORBIDDEN naming the lacking scope */
export function admit(
  caller: AuthenticatedRequest['caller'],
  scopes: readonly RouteScope[],
  app: string | undefined,
): asserts caller is Principal {
  if (caller === undefined) throw new FleetseedError('TOKEN_MISSING', 'This needs a bearer token.');
  if (caller instanceof FleetseedError) throw caller;
  if (scopes.some((scope) => holds(caller, scope, app))) return;
  const lacking = scopes[0]!;
  const [kind, action] = lacking.split(':');
  throw forbidden(caller, kind === 'app' ? `app:${app ?? '<name>'}:${action}` : lacking);
}

function holds(principal: Principal, scope: RouteScope, app: string | undefined): boolean {
  if (scope === 'any') return true;
  if (scope === 'agent') return principal.kind === 'agent';
  if (isAdmin(principal)) return true;
  if (scope === 'admin') return false;
  if (scope === 'fleet:read') return principal.scopes.includes(scope);
  return mayApp(principal, scope.slice('app:'.length) as AppAction, app);
}

function appOf(request: AuthenticatedRequest): string | undefined {
  const app = request.params?.['app'];
  return typeof app === 'string' ? app : undefined;
}
