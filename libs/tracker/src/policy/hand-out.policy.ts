import { shuffle, type Random } from '#lib/runtime';

import type { PeerCandidate, PeerRecord, SwarmCounts } from '../store/peer-store.js';

export interface HandOutOptions {
  /** Peers for a client that does not say how many it wants. */
  readonly defaultWant: number;
  /** Nobody gets more. */
  readonly maxWant: number;
  /** Part of the peers that come from other zones, if there are any: keeps the zones connected. */
  readonly remoteShare: number;
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
  remoteShare: 0.4,
  rackShare: 0.5,
  overload: 3,
  fewSeeds: 3,
  maxOrigins: 4,
};

/** Candidates that are looked at for `want` peers: enough to choose by load, and bounded. */
export function sampleFor(want: number): number {
  return want === 0 ? 0 : 2 * want + 16;
}

/** How many peers an announce may get. Who wants nothing (a seed, a paused peer) gets none. */
export function wantOf(
  peer: PeerRecord,
  numWant: number | null,
  stopped: boolean,
  options: HandOutOptions,
): number {
  if (stopped || peer.state !== 'downloading') return 0;
  return Math.min(numWant ?? options.defaultWant, options.maxWant);
}

/**
 * Which peers a downloader is told of. It dials them, so a hand-out is an edge of the swarm's graph:
 *
 * - a guaranteed part from other zones, so that the graph stays connected and new pieces cross zones
 *   early; the rest from the own zone, of which a bounded part from the own rack;
 * - within each group the peers that were handed out least lately, a seed counting half its load, so
 *   that nobody's degree runs away; ties are random;
 * - origins last, and always when there are few seeds: then they are what the swarm lives on.
 *
 * Never the peer itself: not its address, not its peer id. A stranger is only told of strangers that
 * announced the same info-hash, as they may not know the other; members answer to both.
 */
export function handOut(
  self: PeerRecord,
  candidates: readonly PeerCandidate[],
  counts: SwarmCounts,
  want: number,
  random: Random,
  options: HandOutOptions = DEFAULT_HAND_OUT,
): PeerCandidate[] {
  const usable = candidates.filter((peer) => isUsable(self, peer));
  const origins = shuffle(
    usable.filter(({ kind }) => kind === 'origin'),
    random,
  );
  const peers = byLoad(
    usable.filter(({ kind }) => kind !== 'origin'),
    random,
  );
  const keptForOrigins =
    counts.complete < options.fewSeeds ? Math.min(origins.length, options.maxOrigins, want) : 0;
  const chosen = spread(self, peers, want - keptForOrigins, options);
  const room = Math.min(want - chosen.length, options.maxOrigins);
  return [...chosen, ...origins.slice(0, room)];
}

function isUsable(self: PeerRecord, peer: PeerCandidate): boolean {
  if (peer.port === 0 || peer.peerId.equals(self.peerId)) return false;
  if (peer.host === self.host && peer.port === self.port) return false;
  // A paused peer has something to give, like any incomplete one.
  if (self.kind !== 'stranger' || peer.kind !== 'stranger') return true;
  return (self.v1 && peer.v1) || (self.v2 && peer.v2) || (isV1Only(self) && isV1Only(peer));
}

function isV1Only({ v1, v2 }: PeerRecord): boolean {
  return !v1 && !v2;
}

/** Least loaded first; a random part of less than one hand-out breaks ties. */
function byLoad(peers: readonly PeerCandidate[], random: Random): PeerCandidate[] {
  return peers
    .map((peer) => ({
      peer,
      score: peer.load / (peer.state === 'complete' ? 2 : 1) + random(),
    }))
    .sort((a, b) => a.score - b.score)
    .map(({ peer }) => peer);
}

/** Takes `want` of the peers, which are in order of preference, by the shares of the options. */
function spread(
  self: PeerRecord,
  peers: readonly PeerCandidate[],
  want: number,
  options: HandOutOptions,
): PeerCandidate[] {
  if (want <= 0) return [];
  if (self.zone === '') return peers.slice(0, want);
  const local = peers.filter(({ zone }) => zone === self.zone);
  const remote = peers.filter(({ zone }) => zone !== self.zone);
  const most = tooMuch(peers, options);
  const fit = remote.filter(({ load }) => load <= most).length;
  const guaranteed = Math.min(fit, Math.max(1, Math.round(want * options.remoteShare)));
  const near = spreadOverRacks(self, local, want - guaranteed, options);
  // What the own zone cannot fill, the others do.
  return [...near, ...remote.slice(0, want - near.length)];
}

/** The grace of ten lets young swarms, where most loads are 0, have a guaranteed part at all. */
function tooMuch(peers: readonly PeerCandidate[], { overload }: HandOutOptions): number {
  const total = peers.reduce((sum, { load }) => sum + load, 0);
  return 10 + (overload * total) / peers.length;
}

function spreadOverRacks(
  self: PeerRecord,
  local: readonly PeerCandidate[],
  want: number,
  options: HandOutOptions,
): PeerCandidate[] {
  if (self.rack === '') return local.slice(0, want);
  const sameRack = local.filter(({ rack }) => rack === self.rack);
  const otherRacks = local.filter(({ rack }) => rack !== self.rack);
  const fromRack = Math.max(Math.ceil(want * options.rackShare), want - otherRacks.length);
  const near = sameRack.slice(0, fromRack);
  return [...near, ...otherRacks.slice(0, want - near.length)];
}
