import type { Request } from 'express';

import type { FleetseedError } from '#lib/contracts';

import type { Principal } from './principal.js';

/** A request after {@link AuthenticateMiddleware}: the caller, or why there is none. */
export interface AuthenticatedRequest extends Request {
  caller?: Principal | FleetseedError;
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096}) *$/i;

/** The bearer token of a request (RFC 6750), or null. */
export function bearerOf(request: Pick<Request, 'headers'>): string | null {
  return BEARER.exec(request.headers.authorization ?? '')?.[1] ?? null;
}
