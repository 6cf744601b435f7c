import { FleetseedError, toFleetseedError, type ErrorCode } from '#lib/contracts';
import type { Clock, Random } from '#lib/runtime';
import { normalizeIp, type AnnounceAnswer, type AnsweredPeer, type ScrapedSwarm } from '#lib/wire';

import {
  TrackerGate,
  type Admission,
  type AuthorizeKey,
  type FoundSwarm,
  type RecognizeKey,
  type SwarmRegistry,
  type TrackerAccess,
  type TrackerCaller,
} from './access/tracker-access.js';
import { recordOf, stateOf, type AnnounceRequest } from './announce-request.js';
import {
  DEFAULT_HAND_OUT,
  HandOut,
  sampleFor,
  wantOf,
  type HandOutOptions,
} from './policy/hand-out.policy.js';
import { DEFAULT_INTERVALS, timingOf, type IntervalOptions } from './policy/intervals.policy.js';
import { QuickAnnounces } from './quick-announces.js';
import type {
  PeerAnnounce,
  PeerCandidate,
  PeerRecord,
  PeerStore,
  PeerStoreStats,
  SwarmCounts,
  SwarmId,
} from './store/peer-store.js';

export interface TrackerOptions {
  readonly access: TrackerAccess;
  readonly registry: SwarmRegistry;
  readonly authorize: AuthorizeKey;
  /** The same without waiting; without it announces with a key take the long way. */
  readonly recognize?: RecognizeKey;
  readonly store: PeerStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly intervals?: Partial<IntervalOptions>;
  readonly handOut?: Partial<HandOutOptions>;
  /** Told to strangers with a key, as when nobody here will serve them. */
  readonly strangerWarning?: string;
}

/** What became of each announce of a batch that was not taken. */
export interface BatchRefusal {
  readonly infoHash: Buffer;
  readonly code: ErrorCode;
}

export interface BatchResult {
  readonly accepted: number;
  readonly refused: readonly BatchRefusal[];
  readonly bootEpoch: string;
}

/** Announces since the start. */
export interface TrackerTotals {
  readonly announces: number;
  readonly handedOut: number;
}

/** Announces in one batch: a machine that holds more sends several. */
export const MAX_BATCH = 5000;

/**
 * Announce logic: who announces is told of others and found by them. Knows neither HTTP nor UDP; the
 * front ends do the talking.
 */
export class Tracker {
  readonly #gate: TrackerGate;
  readonly #store: PeerStore;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #intervals: IntervalOptions;
  readonly #options: HandOutOptions;
  readonly #handOut: HandOut;
  readonly #strangerWarning: string | undefined;
  /** The quick way, where the store is in this process. */
  readonly quick: QuickAnnounces | null;
  #announces = 0;
  #handedOut = 0;

  constructor(options: TrackerOptions) {
    this.#gate = new TrackerGate(options.access, options.registry, options.authorize);
    this.#store = options.store;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#intervals = { ...DEFAULT_INTERVALS, ...options.intervals };
    this.#options = { ...DEFAULT_HAND_OUT, ...options.handOut };
    this.#handOut = new HandOut(options.random, this.#options);
    this.#strangerWarning = options.strangerWarning;
    const { access, registry, recognize, clock, random } = options;
    const [intervals, handOut, store] = [this.#intervals, this.#options, options.store.quick];
    const warningOf = (caller: TrackerCaller, stored: boolean) => this.#warning(caller, stored);
    const shared = { access, registry, recognize, clock, random, intervals, handOut, warningOf };
    this.quick = store ? new QuickAnnounces({ ...shared, store }) : null;
  }

  /**
   * Changes when peer lists were lost: with every start where they are in memory, else when the shared
   * store was emptied. Agents that see it change announce everything they hold again.
   */
  get bootEpoch(): string {
    return this.#store.epoch;
  }

  /** Tells of a boot epoch that changed without a start. @returns what ends it */
  onNewEpoch(listener: (epoch: string) => void): () => void {
    return this.#store.onNewEpoch?.(listener) ?? (() => undefined);
  }

  get access(): TrackerAccess {
    return this.#gate.access;
  }

  get totals(): TrackerTotals {
    return {
      announces: this.#announces + (this.quick?.announces ?? 0),
      handedOut: this.#handedOut + (this.quick?.handedOut ?? 0),
    };
  }

  /** Lets a caller in by its key, or says why not: see {@link TrackerGate}. */
  admit(key: string | null, infoHash: Buffer): Promise<Admission> {
    return this.#gate.admit(key, infoHash);
  }

  /**
   * Announces for a caller that is known already: the origin's own engine, an agent over its control
   * link.
   * @throws FleetseedError INFO_HASH_UNKNOWN, REQUEST_INVALID
   */
  async announce(request: AnnounceRequest, caller: TrackerCaller): Promise<AnnounceAnswer> {
    const found = await this.#gate.resolve(request.infoHash);
    return this.announceAdmitted(request, { found, caller });
  }

  /** @throws FleetseedError REQUEST_INVALID when there is no usable address. */
  async announceAdmitted(
    request: AnnounceRequest,
    { found, caller }: Admission,
  ): Promise<AnnounceAnswer> {
    this.#announces++;
    const timing = timingOf(caller.kind, stateOf(request), this.#random, this.#intervals);
    const peer = recordOf(request, found, caller, this.#clock.now() + timing.lifetimeMs);
    const stopped = request.event === 'stopped';
    const want = wantOf(peer.state, request.numWant, stopped, this.#options);
    const announce = { swarm: found.swarm, peer, stopped, sample: sampleFor(want) };
    const { counts, picked, stored } = await this.#store.announce(announce, (candidates, seeds) =>
      this.#handOut.pick(candidates, seeds, want),
    );
    this.#handedOut += picked.length;
    return {
      type: 'peers',
      interval: timing.interval,
      minInterval: timing.minInterval,
      complete: counts.complete + counts.origins,
      incomplete: counts.downloading + counts.paused,
      downloaded: counts.completions,
      peers: picked.map(answeredPeer),
      externalIp: normalizeIp(request.remoteAddress) ?? peer.host,
      ...optionalWarning(this.#warning(caller, stored)),
    };
  }

  /**
   * Everything that a machine holds, at once: after a change of the boot epoch. Unknown artifacts are
   * reported and do no harm to the others; no peers are answered.
   * @throws FleetseedError PAYLOAD_TOO_LARGE for more than {@link MAX_BATCH}
   */
  async announceMany(
    batch: readonly AnnounceRequest[],
    caller: TrackerCaller,
  ): Promise<BatchResult> {
    if (batch.length > MAX_BATCH) {
      throw new FleetseedError('PAYLOAD_TOO_LARGE', `A batch has at most ${MAX_BATCH} announces.`, {
        announces: batch.length,
      });
    }
    this.#announces += batch.length;
    const announces: PeerAnnounce[] = [];
    const refused: BatchRefusal[] = [];
    for (const request of batch) {
      try {
        const found = await this.#gate.resolve(request.infoHash);
        announces.push(this.#quietAnnounce(request, found, caller));
      } catch (error) {
        refused.push({ infoHash: request.infoHash, code: toFleetseedError(error).code });
      }
    }
    const accepted = await this.#store.announceMany(announces);
    return { accepted, refused, bootEpoch: this.bootEpoch };
  }

  /** Counts of a swarm as BEP 48 has them; origins count as complete. */
  async scrape(infoHash: Buffer, { found }: Admission): Promise<ScrapedSwarm> {
    const counts = await this.#store.counts(found.swarm);
    return {
      infoHash,
      complete: counts.complete + counts.origins,
      incomplete: counts.downloading + counts.paused,
      downloaded: counts.completions,
      downloaders: counts.downloading,
    };
  }

  counts(swarm: SwarmId): Promise<SwarmCounts> {
    return this.#store.counts(swarm);
  }

  /** Complete peers, origins not counted: what the origin's copy budget may lean on. */
  async seedsOf(swarm: SwarmId): Promise<number> {
    return (await this.#store.counts(swarm)).complete;
  }

  /** At most `limit` peers, for the dashboard. */
  peersOf(swarm: SwarmId, limit: number): Promise<PeerRecord[]> {
    return this.#store.peers(swarm, limit);
  }

  stats(): Promise<PeerStoreStats> {
    return this.#store.stats();
  }

  #warning({ id, kind }: TrackerCaller, stored: boolean): string | undefined {
    if (!stored) return 'This tracker is full: other peers will not hear of this one.';
    return kind === 'stranger' && id !== '' ? this.#strangerWarning : undefined;
  }

  #quietAnnounce(request: AnnounceRequest, found: FoundSwarm, caller: TrackerCaller): PeerAnnounce {
    const timing = timingOf(caller.kind, stateOf(request), this.#random, this.#intervals);
    const peer = recordOf(request, found, caller, this.#clock.now() + timing.lifetimeMs);
    return { swarm: found.swarm, peer, stopped: request.event === 'stopped', sample: 0 };
  }
}

const optionalWarning = (warning: string | undefined) => (warning === undefined ? {} : { warning });

function answeredPeer(peer: PeerCandidate): AnsweredPeer {
  const { host, port, peerId, kind, state, v1, v2 } = peer;
  const stranger = kind === 'stranger';
  return {
    host,
    port,
    peerId,
    flags: { v1, v2, complete: state === 'complete', member: !stranger, origin: kind === 'origin' },
  };
}
