import type { IncomingMessage, ServerResponse } from 'node:http';

import { Inject, Injectable } from '@nestjs/common';

import type { Logger } from '#lib/runtime';
import { Tracker, TrackerHttp, type TrackerHttpAnswer } from '#lib/tracker';

import { LOGGER } from '../config/start-context.js';
import { clientAddressOf, type TrustProxy } from '../http/client-address.js';
import { TrackerAbsence } from './tracker.absence.js';

const PATH = /^\/(?:announce|scrape)(?:[/?]|$)/;

/** Puts the tracker on the service's own HTTP server, before anything that would decode its queries. */
@Injectable()
export class TrackerHttpDoor {
  readonly #http: TrackerHttp;

  constructor(
    tracker: Tracker,
    absence: TrackerAbsence,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#http = new TrackerHttp(tracker, { logger, away: absence.reason });
  }

  /** @returns whether the request is one for the tracker; it is answered then. */
  take(request: IncomingMessage, response: ServerResponse, trust: TrustProxy): boolean {
    const url = request.url ?? '';
    if (request.method !== 'GET' || !PATH.test(url)) return false;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const rawQuery = mark < 0 ? '' : url.slice(mark + 1);
    const remoteAddress = clientAddressOf(request, trust);
    this.#http.handle({ path, rawQuery, remoteAddress }).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        this.logger.error('announce not answered', { error });
        response.destroy();
      },
    );
    return true;
  }
}

function send(response: ServerResponse, { status, body, contentType }: TrackerHttpAnswer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length });
  // As text it leaves together with the head, in one piece.
  response.end(body.toString('latin1'), 'latin1');
}
