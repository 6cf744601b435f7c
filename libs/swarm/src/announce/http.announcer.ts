import type { Dispatcher } from 'undici';

import { FleetseedError, httpRequest } from '#lib/contracts';
import { backoffDelay, deadline, type Clock, type Random } from '#lib/runtime';
import type { InfoHashKind } from '#lib/torrent';
import {
  buildAnnounceUrl,
  decodeAnnounceAnswer,
  MAX_ANSWER_BYTES,
  type AnnounceAnswer as WireAnswer,
  type PeerFlags,
  type TrackerFailure,
} from '#lib/wire';

import type { AnnounceAnswer, AnnounceRequest, Announcer, PeerAddress } from './announcer.js';
import { TrackerTiers, type Tracker } from './tracker-tiers.js';

const TIMEOUT_MS = 10_000;
const SHORTEST_INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 24 * 60 * 60_000;
/** Trackers that name no minimum are not asked more often than this without cause. */
const DEFAULT_MIN_INTERVAL_MS = 60_000;
const RETRY = { startMs: 2000, limitMs: 120_000 };

export interface HttpAnnouncerOptions {
  /** BEP 12 tiers of URLs. */
  readonly tiers: readonly (readonly string[])[];
  /**
   * What is announced; each view of an artifact is announced by itself, and its peers speak that
   * view. To our own tracker the v2 one is enough: a hybrid artifact is one swarm there.
   */
  readonly infoHashes: readonly { readonly view: 'v1' | 'v2'; readonly hash: Buffer }[];
  /** 20 bytes. */
  readonly peerId: Buffer;
  /** Where we listen. */
  readonly port: number;
  /** HOST:PORT at which members can dial us, when it is not the address the tracker sees. */
  readonly advertise?: string;
  /** By which the tracker knows us again after our address changed. */
  readonly key?: string;
  /** For an undici Agent with a CA of its own. */
  readonly dispatcher?: Dispatcher;
  /** For each tracker, milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Announces to HTTP trackers (BEP 3, 7, 12, 23, 24, 31). */
export class HttpAnnouncer implements Announcer {
  readonly #tiers: TrackerTiers;
  #failures = 0;
  #retryAfterMs = 0;

  constructor(private readonly options: HttpAnnouncerOptions) {
    this.#tiers = new TrackerTiers(options.tiers, options.random);
  }

  async announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer> {
    let last: FleetseedError | null = null;
    for (const tracker of this.#tiers.askable(this.options.clock.monotonic())) {
      try {
        const answer = await this.#ask(tracker, request, signal);
        this.#tiers.answered(tracker);
        this.#failures = 0;
        this.#retryAfterMs = 0;
        return answer;
      } catch (error) {
        last = failureOf(error, tracker.url, signal);
        if (last.code === 'ABORTED') throw last;
      }
    }
    this.#failed();
    throw last ?? new FleetseedError('ORIGIN_UNREACHABLE', 'There is no tracker to ask.');
  }

  retryAfterMs(): number {
    return this.#retryAfterMs;
  }

  #failed(): void {
    const backoff = backoffDelay(++this.#failures, { ...RETRY, random: this.options.random });
    const held = this.#tiers.firstHeldUntil - this.options.clock.monotonic();
    this.#retryAfterMs = Math.max(backoff, held);
  }

  /** One tracker, each view in turn; the answer is what the last one said, with all peers. */
  async #ask(tracker: Tracker, what: AnnounceRequest, signal?: AbortSignal) {
    const peers: PeerAddress[] = [];
    let answer: WireAnswer | null = null;
    for (const { view, hash } of this.options.infoHashes) {
      answer = await this.#exchange(tracker, hash, what, signal);
      tracker.trackerId = answer.trackerId ?? tracker.trackerId;
      for (const { host, port, flags } of answer.peers) {
        // Our own tracker knows which views a peer has; elsewhere it is the one we asked about.
        const speaks = flags ? hashOf(flags) : view;
        peers.push({ host, port, hash: speaks, ...(flags ? { flags } : {}) });
      }
    }
    if (!answer) throw new FleetseedError('INTERNAL', 'There is no info-hash to announce.');
    return answerOf(answer, peers);
  }

  async #exchange(tracker: Tracker, hash: Buffer, what: AnnounceRequest, signal?: AbortSignal) {
    const { peerId, port, advertise, key, dispatcher, timeoutMs = TIMEOUT_MS } = this.options;
    const { trackerId } = tracker;
    const url = buildAnnounceUrl(tracker.url, {
      infoHash: hash,
      peerId,
      port,
      uploaded: what.uploaded,
      downloaded: what.downloaded,
      left: what.left,
      event: what.paused && what.event === 'none' ? 'paused' : what.event,
      numWant: what.numWant,
      compact: true,
      noPeerId: true,
      fleet: true,
      ...(advertise === undefined ? {} : { advertise }),
      ...(key === undefined ? {} : { key }),
      ...(trackerId === undefined ? {} : { trackerId }),
    });
    const response = await httpRequest(url, {
      signal: deadline(timeoutMs, signal),
      ...(dispatcher ? { dispatcher } : {}),
    });
    const body = await boundedBody(response.body);
    const answer = decodeAnnounceAnswer(body);
    if (answer.type === 'failure') throw this.#refused(tracker, answer);
    return answer;
  }

  #refused(tracker: Tracker, { reason, retryIn }: TrackerFailure): FleetseedError {
    const waitMs = retryIn === 'never' ? Infinity : (retryIn ?? 0) * 60_000;
    tracker.heldUntil = this.options.clock.monotonic() + waitMs;
    const text = `The tracker refused: ${reason}`;
    return new FleetseedError('TRACKER_ANSWER_INVALID', text, { reason });
  }
}

async function boundedBody(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      const text = `The tracker's answer is longer than ${MAX_ANSWER_BYTES} bytes.`;
      throw new FleetseedError('TRACKER_ANSWER_INVALID', text, { length });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answerOf(answer: WireAnswer, peers: readonly PeerAddress[]): AnnounceAnswer {
  const { interval, minInterval, complete, incomplete, warning, externalIp } = answer;
  const intervalMs = clamp(interval * 1000);
  const minIntervalMs =
    minInterval === undefined
      ? Math.min(intervalMs, DEFAULT_MIN_INTERVAL_MS)
      : clamp(minInterval * 1000);
  return {
    intervalMs: Math.max(intervalMs, minIntervalMs),
    minIntervalMs,
    peers,
    ...(warning === undefined ? {} : { warning }),
    ...(complete === undefined ? {} : { complete }),
    ...(incomplete === undefined ? {} : { incomplete }),
    ...(externalIp === undefined ? {} : { externalIp }),
  };
}

function clamp(ms: number): number {
  return Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, ms));
}

function hashOf({ v1, v2 }: PeerFlags): InfoHashKind {
  if (v2) return 'v2';
  return v1 ? 'v1' : 'v1-only';
}

/** The URL has the caller's key in it: only its host is told. */
function failureOf(thrown: unknown, url: string, signal?: AbortSignal): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const host = URL.canParse(url) ? new URL(url).host : '';
  const cause = { cause: thrown };
  if (signal?.aborted) return new FleetseedError('ABORTED', 'The announce was aborted.', {}, cause);
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new FleetseedError('TIMED_OUT', `The tracker ${host} did not answer.`, { host }, cause);
  }
  const text = `The tracker ${host} could not be reached.`;
  return new FleetseedError('ORIGIN_UNREACHABLE', text, { host }, cause);
}
