import { FleetseedError, type HttpConnections } from '#lib/contracts';
import { backoffDelay, type Clock, type Random } from '#lib/runtime';
import type { InfoHashKind } from '#lib/torrent';
import type { AnnounceAnswer as WireAnswer, PeerFlags, TrackerFailure } from '#lib/wire';

import type { AnnounceAnswer, AnnounceRequest, Announcer, PeerAddress } from './announcer.js';
import { HttpTrackerClient } from './http.tracker-client.js';
import { failureOf, type AnnounceIdentity, type TrackerClient } from './tracker-client.js';
import { isUdp, TrackerTiers, type Tracker } from './tracker-tiers.js';
import { UdpTrackerClient } from './udp.tracker-client.js';

const TIMEOUT_MS = 10_000;
const SHORTEST_INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 24 * 60 * 60_000;
/** Trackers that name no minimum are not asked more often than this without cause. */
const DEFAULT_MIN_INTERVAL_MS = 60_000;
const RETRY = { startMs: 2000, limitMs: 120_000 };

export interface TrackerAnnouncerOptions extends AnnounceIdentity {
  /** BEP 12 tiers of URLs; what is neither `http`, `https` nor `udp` is left out. */
  readonly tiers: readonly (readonly string[])[];
  /**
   * What is announced; each view of an artifact is announced by itself, and its peers speak that
   * view. To our own tracker the v2 one is enough: a hybrid artifact is one swarm there.
   */
  readonly infoHashes: readonly { readonly view: 'v1' | 'v2'; readonly hash: Buffer }[];
  /** Those of the process by default. */
  readonly connections?: HttpConnections;
  /** For each tracker, milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Announces to the trackers of a torrent (BEP 12), each over HTTP or UDP as its URL says. */
export class TrackerAnnouncer implements Announcer {
  readonly #tiers: TrackerTiers;
  readonly #http: TrackerClient;
  readonly #udp: TrackerClient;
  #failures = 0;
  #retryAfterMs = 0;

  constructor(private readonly options: TrackerAnnouncerOptions) {
    this.#tiers = new TrackerTiers(options.tiers, options.random);
    const bounded = { ...options, timeoutMs: options.timeoutMs ?? TIMEOUT_MS };
    this.#http = new HttpTrackerClient(bounded);
    this.#udp = new UdpTrackerClient(bounded);
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
    const client = isUdp(tracker.url) ? this.#udp : this.#http;
    const answer = await client.ask(tracker, hash, what, signal);
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
