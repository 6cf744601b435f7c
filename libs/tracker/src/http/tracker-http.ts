import { FleetseedError, toFleetseedError } from '#lib/contracts';
import { silentLogger, type Logger } from '#lib/runtime';
import {
  encodeAnnounceAnswer,
  encodeScrapeAnswer,
  encodeTrackerFailure,
  parseAnnounceQuery,
  parseScrapeQuery,
  type ScrapedSwarm,
} from '#lib/wire';

import { parseTrackerPath } from '../access/tracker-path.js';
import { requestOfQuery } from '../announce-request.js';
import type { Tracker } from '../tracker.js';
import { failureOf, RETRY_MINUTES } from './tracker-failure.js';

export interface TrackerHttpRequest {
  /** Undecoded, without the query. */
  readonly path: string;
  /** What stands after `?`, undecoded; `''` when there is none. */
  readonly rawQuery: string;
  /** Address of the client, trusted proxies taken into account. */
  readonly remoteAddress: string;
}

export interface TrackerHttpAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly contentType: string;
}

export interface TrackerHttpOptions {
  readonly logger?: Logger;
  /** Why everybody is to come back later; null, the default, while they are answered. */
  readonly away?: () => string | null;
}

/** Info-hashes of one scrape; the others are left out of the answer. */
const MAX_SCRAPE = 100;

/**
 * The tracker over HTTP (BEP 3, 7, 23, 24, 31, 48): `/announce`, `/scrape`, `/announce/<key>/announce`,
 * `/announce/<key>/scrape`. Has no socket: the service mounts it on its own server.
 *
 * Whatever happens is answered in bencode, with status 200 where the path is right, since many clients
 * read `failure reason` only then.
 */
export class TrackerHttp {
  readonly #logger: Logger;
  readonly #away: () => string | null;

  constructor(
    private readonly tracker: Tracker,
    options: TrackerHttpOptions = {},
  ) {
    this.#logger = options.logger ?? silentLogger;
    this.#away = options.away ?? (() => null);
  }

  /** Never rejects. */
  async handle(request: TrackerHttpRequest): Promise<TrackerHttpAnswer> {
    try {
      const route = parseTrackerPath(request.path);
      if (!route) return answer(404, failureBody(new FleetseedError('NOT_FOUND', 'No such path.')));
      const away = this.#away();
      if (away !== null) return answer(200, awayBody(away, request.rawQuery));
      const body =
        route.action === 'announce'
          ? await this.#announce(route.key, request)
          : await this.#scrape(route.key, request.rawQuery);
      return answer(200, body);
    } catch (thrown) {
      const error = toFleetseedError(thrown);
      // The key is part of the path, so the path is not logged.
      if (error.status === 500) this.#logger.error('announce failed', { error });
      return answer(200, failureBody(error));
    }
  }

  async #announce(key: string | null, request: TrackerHttpRequest): Promise<Buffer> {
    const query = parseAnnounceQuery(request.rawQuery);
    const asked = requestOfQuery(query, request.remoteAddress);
    const epoch = query.fleet === true ? this.tracker.bootEpoch : null;
    const answered = query.compact ? this.tracker.quick?.answerRequest(asked, key, epoch) : null;
    if (answered) return answered;
    const admission = await this.tracker.admit(key, query.infoHash);
    const told = await this.tracker.announceAdmitted(asked, admission);
    // Only members are told what a peer is, and the epoch, which would mean nothing to others.
    const fleet = query.fleet === true && admission.caller.kind !== 'stranger';
    return encodeAnnounceAnswer(fleet ? { ...told, trackerId: this.tracker.bootEpoch } : told, {
      compact: query.compact,
      noPeerId: query.noPeerId,
      flags: fleet,
    });
  }

  async #scrape(key: string | null, rawQuery: string): Promise<Buffer> {
    const hashes = parseScrapeQuery(rawQuery);
    if (hashes.length === 0) {
      throw new FleetseedError('REQUEST_INVALID', 'A scrape names its torrents by info_hash.');
    }
    const swarms: ScrapedSwarm[] = [];
    for (const hash of hashes.slice(0, MAX_SCRAPE)) {
      const swarm = await this.#scrapeOne(key, hash);
      if (swarm) swarms.push(swarm);
    }
    return encodeScrapeAnswer(swarms);
  }

  /** Null for a torrent that is not known here: BEP 48 leaves those out. */
  async #scrapeOne(key: string | null, hash: Buffer): Promise<ScrapedSwarm | null> {
    try {
      return await this.tracker.scrape(hash, await this.tracker.admit(key, hash));
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'INFO_HASH_UNKNOWN') return null;
      throw error;
    }
  }
}

/** Members come back with a jitter of their own and soon; others are told how many minutes (BEP 31). */
function awayBody(reason: string, rawQuery: string): Buffer {
  const isMember = /(?:^|&)fs=1(?:&|$)/.test(rawQuery);
  return encodeTrackerFailure({
    type: 'failure',
    reason,
    ...(isMember ? {} : { retryIn: RETRY_MINUTES }),
  });
}

function failureBody(error: FleetseedError): Buffer {
  return encodeTrackerFailure(failureOf(error));
}

function answer(status: number, body: Buffer): TrackerHttpAnswer {
  return { status, body, contentType: 'text/plain' };
}
