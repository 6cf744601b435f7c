import {
  Catch,
  HttpException,
  Inject,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Request, Response } from 'express';

import {
  FleetseedError,
  isCallersFault,
  PROBLEM_CONTENT_TYPE,
  problemOf,
  toFleetseedError,
} from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { LOGGER } from '../config/start-context.js';

const DISCARDED_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 2000;

/** Every error that leaves over HTTP: problem+json with a stable code; causes of ours go to the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    this.answer(domainError(thrown), request, response);
  }

  answer(error: FleetseedError, request: Request, response: Response): void {
    this.#log(error, request);
    if (response.headersSent || response.writableEnded) {
      // Half an answer must not look like a whole one.
      response.destroy();
      return;
    }
    if (error.status === 401) response.setHeader('www-authenticate', 'Bearer realm="fleetseed"');
    if (error.status === 503) response.setHeader('retry-after', retryAfter(error));
    discardBody(request);
    response.status(error.status);
    response.type(PROBLEM_CONTENT_TYPE);
    response.send(Buffer.from(JSON.stringify(problemOf(error))));
  }

  #log(error: FleetseedError, { method, originalUrl }: Request): void {
    const facts = { method, path: pathOf(originalUrl), code: error.code };
    // The caller went away in the middle: nothing of ours is broken.
    if (error.code === 'ABORTED') this.logger.debug('request aborted', facts);
    else if (!isCallersFault(error)) {
      this.logger.error('request failed', { ...facts, ...error.facts, error });
    }
  }
}

/** What Nest, Express and the body parser throw, in our codes. */
export function domainError(thrown: unknown): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const status = statusOf(thrown);
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (status === 404) return new FleetseedError('NOT_FOUND', text);
  if (status === 413) return new FleetseedError('PAYLOAD_TOO_LARGE', 'The body is too large.');
  if (status !== null && status >= 400 && status < 500) {
    return new FleetseedError('REQUEST_INVALID', text);
  }
  return toFleetseedError(thrown);
}

/** Without the query, and without the key that URLs of tracker and web seed hold. */
function pathOf(target: string): string {
  return target.replace(/\?.*$/s, '').replace(/^\/(announce|webseed)\/[^/]+/, '/$1/…');
}

function statusOf(thrown: unknown): number | null {
  if (thrown instanceof HttpException) return thrown.getStatus();
  if (thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number') {
    return thrown.status;
  }
  return null;
}

/** Seconds to wait, when the one who refused said so in the fact `retryAfter`. */
function retryAfter(error: FleetseedError): string {
  const seconds = error.facts['retryAfter'];
  return String(typeof seconds === 'number' ? Math.ceil(seconds) : 5);
}

/**
 * What is left of a refused body is read and thrown away, so that the sender, who may look at the
 * answer only after the last byte, gets to see it. A long one is cut off after a moment.
 */
function discardBody(request: Request): void {
  if (request.complete) return;
  request.resume();
  const length = Number(request.headers['content-length'] ?? Infinity);
  if (length <= DISCARDED_BYTES) return;
  setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MS).unref();
}
