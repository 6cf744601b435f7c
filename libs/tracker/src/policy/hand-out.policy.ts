import type { Random } from '#lib/runtime';

import { CANDIDATE, MAX_CANDIDATES, type CandidateSet } from '../store/candidate-set.js';
import type { PeerState } from '../store/peer-store.js';
import { LoadOrder } from './load-order.js';

export interface HandOutOptions {
  /** Peers for a client that does not say how many it wants. */
  readonly defaultWant: number;
  /** Nobody gets more. */
  readonly maxWant: number;
  /**
   * Part of the peers that come from other zones, if there are any: keeps the zones connected. What
   * crosses zones is about this part of all bytes, and the links between zones carry that much at best.
   */
  readonly remoteShare: number;
  /** From other zones come at least so many, however few the own zone has. */
  readonly leastRemote: number;
  /** A machine with nobody near is told of so many in other zones. */
  readonly enough: number;
  /** Part of the peers of the own zone that may come from the own rack. */
  readonly rackShare: number;
  /**
   * A peer whose load is more than this many times the candidates' average does not count for the
   * guaranteed part: a zone of five must not be dialled by all thousand machines of another.
   */
  readonly overload: number;
  /** With fewer seeds than this (origins not counted) every answer has origins. */
  readonly fewSeeds: number;
  /** Origins in one answer. */
  readonly maxOrigins: number;
}

export const DEFAULT_HAND_OUT: HandOutOptions = {
  defaultWant: 30,
  maxWant: 80,
  remoteShare: 0.2,
  leastRemote: 2,
  enough: 12,
  rackShare: 0.5,
  overload: 3,
  fewSeeds: 3,
  maxOrigins: 4,
};

const SPARE = 16;

/** Candidates that are looked at for `want` peers: enough to choose by load, and bounded. */
export function sampleFor(want: number): number {
  return want === 0 ? 0 : want + Math.min(want, SPARE) + SPARE;
}

/** How many peers an announce may get. Who wants nothing (a seed, a paused peer) gets none. */
export function wantOf(
  state: PeerState,
  numWant: number | null,
  stopped: boolean,
  options: HandOutOptions,
): number {
  if (stopped || state !== 'downloading') return 0;
  return Math.min(numWant ?? options.defaultWant, options.maxWant);
}

/** Loads below count as no overload: young swarms, where most are 0, need a guaranteed part too. */
const GRACE = 10;
/** What is never both: a rack is in one zone. */
const WHERE = CANDIDATE.remote | CANDIDATE.sameRack;

/**
 * Which peers a downloader is told of. It dials them, so a hand-out is an edge of the swarm's graph:
 *
 * - a guaranteed part from other zones, so that the graph stays connected and new pieces cross zones
 *   early; the rest from the own zone, of which a bounded part from the own rack;
 * - within each group the peers that were handed out least lately, a seed counting half its load, so
 *   that nobody's degree runs away; ties are random;
 * - origins last, and always when there are few seeds: then they are what the swarm lives on.
 *
 * A stranger is only told of strangers that announced the same info-hash, as they may not know the
 * other; members answer to both.
 *
 * Work goes with the number of candidates, and nothing is allocated: one object chooses for all.
 */
export class HandOut {
  readonly #peers = new LoadOrder();
  readonly #origins = new Uint16Array(MAX_CANDIDATES);
  #state = 1;

  constructor(
    private readonly random: Random,
    private readonly options: HandOutOptions = DEFAULT_HAND_OUT,
  ) {}

  /** @param complete peers of the swarm that have everything, origins not counted. */
  pick(set: CandidateSet, complete: number, want: number): void {
    this.#state = Math.floor(this.random() * 0xffff_ffff) | 1;
    const origins = this.#shuffledOrigins(set);
    this.#peers.sort(set, this.#state);
    const { fewSeeds, maxOrigins } = this.options;
    const kept = complete < fewSeeds ? Math.min(origins, maxOrigins, want) : 0;
    this.#spread(set, want - kept);
    const room = Math.min(want - set.chosenLength, maxOrigins, origins);
    for (let at = 0; at < room; at++) set.choose(this.#origins[at]!);
  }

  /** @returns how many */
  #shuffledOrigins({ flags, length }: CandidateSet): number {
    const origins = this.#origins;
    let count = 0;
    for (let place = 0; place < length; place++) {
      if ((flags[place]! & CANDIDATE.origin) === 0) continue;
      const other = Math.floor(this.#next() * (count + 1));
      origins[count] = origins[other]!;
      origins[other] = place;
      count++;
    }
    return count;
  }

  /** Chooses `want` of the peers, which are in order of preference, by the shares of the options. */
  #spread(set: CandidateSet, want: number): void {
    const { length, remote, sameRack, load } = this.#peers;
    if (want <= 0 || length === 0) return;
    const { remoteShare, leastRemote, enough, rackShare, overload } = this.options;
    const near = length - remote;
    const fit = remote === 0 ? 0 : this.#remoteUnder(set, GRACE + (overload * load) / length);
    const reserved = Math.max(leastRemote, Math.round(want * remoteShare));
    const guaranteed = Math.min(fit, reserved, Math.floor(want / 2));
    const wantNear = Math.min(near, want - guaranteed);
    const mostOfRack = Math.max(Math.ceil(wantNear * rackShare), wantNear - (near - sameRack));
    const fromRack = Math.min(sameRack, mostOfRack);
    this.#take(set, CANDIDATE.sameRack, fromRack);
    this.#take(set, 0, wantNear - fromRack);
    const perLocal = remoteShare / (1 - remoteShare);
    // What is near passes on what comes from far, and knows others.
    const far = Math.max(leastRemote, Math.round(wantNear * perLocal), enough - 2 * wantNear);
    this.#take(set, CANDIDATE.remote, Math.min(remote, far, want - set.chosenLength));
  }

  #remoteUnder({ flags, loads }: CandidateSet, most: number): number {
    const { places, length } = this.#peers;
    let fit = 0;
    for (let at = 0; at < length; at++) {
      const place = places[at]!;
      if ((flags[place]! & CANDIDATE.remote) !== 0 && loads[place]! <= most) fit++;
    }
    return fit;
  }

  /** Chooses the first of the own rack, of other zones, or (0) of the rest. */
  #take(set: CandidateSet, which: number, most: number): void {
    if (most <= 0) return;
    const { places, length } = this.#peers;
    const end = set.chosenLength + most;
    for (let at = 0; at < length && set.chosenLength < end; at++) {
      const place = places[at]!;
      if ((set.flags[place]! & WHERE) === which) set.choose(place);
    }
  }

  /** A cheap source, seeded anew from the good one for every pick. */
  #next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}
