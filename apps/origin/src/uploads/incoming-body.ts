import type { Request } from 'express';

import type { BodySource } from './body-source.js';
import { RequestBody } from './request-body.js';
import { SocketBody } from './socket-body.js';

/** A body that is being received, and may be given up in the middle. */
export interface IncomingBody extends BodySource {
  /** What is still to come is of no use; it has to leave the connection before anything else does. */
  discard(): void;
}

/** The body of a request, by the cheapest way there is to it. */
export function bodyOf(request: Request): IncomingBody {
  return SocketBody.of(request) ?? new RequestBody(request);
}
