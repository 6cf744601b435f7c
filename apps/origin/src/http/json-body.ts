import type { IncomingMessage } from 'node:http';

import { json, type NextFunction, type RequestHandler, type Response } from 'express';

import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { mayApp } from '../auth/principal.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Routes whose bodies are streams of raw bytes, whatever content type the client claims. */
const RAW_BODY = /\/(?:parts\/\d+|content)$/;
/** The plan of a million files fits. */
const UPLOAD_PLAN = /^\/api\/v1\/apps\/[^/]+\/uploads$/;

const parserOf = (limit: number): RequestHandler =>
  json({ limit, type: (request: IncomingMessage) => isJson(request), strict: false });

const strangers = parserOf(64 * KIB);
const callers = parserOf(16 * MIB);
const uploads = parserOf(256 * MIB);

/**
 * Reads JSON bodies, after authentication: somebody without a token gets to send 64 KiB, and only who
 * may push the 256 MiB that the plan of an upload may have.
 */
export function jsonBody(
  request: AuthenticatedRequest,
  response: Response,
  next: NextFunction,
): void {
  if (RAW_BODY.test(request.path)) {
    next();
    return;
  }
  parserFor(request)(request, response, next);
}

function parserFor({ caller, path }: AuthenticatedRequest): RequestHandler {
  if (caller === undefined || caller instanceof Error) return strangers;
  return UPLOAD_PLAN.test(path) && mayApp(caller, 'push') ? uploads : callers;
}

function isJson(request: IncomingMessage): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(request.headers['content-type'] ?? '');
}
