import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

import type { Logger } from '#lib/runtime';
import { Tracker, TrackerHttp } from '#lib/tracker';

import { LOGGER } from '../config/start-context.js';

/** Puts the tracker on the service's own HTTP server, before anything that would decode its queries. */
@Injectable()
export class TrackerMiddleware implements NestMiddleware {
  readonly #http: TrackerHttp;

  constructor(tracker: Tracker, @Inject(LOGGER) logger: Logger) {
    this.#http = new TrackerHttp(tracker, logger);
  }

  use(request: Request, response: Response, next: NextFunction): void {
    if (request.method !== 'GET') {
      next();
      return;
    }
    const url = request.originalUrl;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const rawQuery = mark < 0 ? '' : url.slice(mark + 1);
    const remoteAddress = request.ip ?? request.socket.remoteAddress ?? '';
    this.#http.handle({ path, rawQuery, remoteAddress }).then(({ status, body, contentType }) => {
      response.writeHead(status, { 'content-type': contentType, 'content-length': body.length });
      response.end(body);
    }, next);
  }
}
