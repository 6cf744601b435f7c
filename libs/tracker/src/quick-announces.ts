import type { Clock, Random } from '#lib/runtime';
import { encodeCompactAnswer, ipToBytes, type CompactAnswer } from '#lib/wire';

import { KeyBook, MAX_KEY_BYTES } from './access/key-book.js';
import {
  ANYBODY,
  type FoundSwarm,
  type RecognizeKey,
  type SwarmRegistry,
  type TrackerAccess,
  type TrackerCaller,
} from './access/tracker-access.js';
import { recordOf, stateOf as stateOfRequest, type AnnounceRequest } from './announce-request.js';
import { HandOut, sampleFor, wantOf, type HandOutOptions } from './policy/hand-out.policy.js';
import { timingOf, type IntervalOptions } from './policy/intervals.policy.js';
import { MAX_CANDIDATES, type CandidateSet } from './store/candidate-set.js';
import { FLAG_V1, FLAG_V2, STATES, STATE } from './store/packed/member-entry.js';
import type { PackedSwarms } from './store/packed/packed-swarms.js';
import { readWord } from './store/packed/peer-key.js';
import type { ProfileFacts } from './store/packed/profile-table.js';
import type { ReusedAnnounce } from './store/packed/reused-announce.js';
import type { QuickStore } from './store/peer-store.js';
import type { RemoteWords } from './udp/udp-remote.js';

export interface QuickAnnouncesOptions {
  readonly access: TrackerAccess;
  readonly registry: SwarmRegistry;
  /** Without it nobody with a key is taken here. */
  readonly recognize?: RecognizeKey | undefined;
  readonly store: QuickStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly intervals: IntervalOptions;
  readonly handOut: HandOutOptions;
  /** What an answer says besides; nothing over UDP, which has no room for it. */
  readonly warningOf: (caller: TrackerCaller, stored: boolean) => string | undefined;
}

/** Places in an announce of BEP 15. */
const AT = { infoHash: 16, peerId: 36, left: 64, event: 80, numWant: 92, port: 96 } as const;
const ANNOUNCE_BYTES = 98;
const EVENT = { stopped: 3, paused: 4 } as const;
/** BEP 41: the option that carries the path of the tracker's URL. */
const URL_DATA = 2;
const PLAIN_PATH = Buffer.from('/announce');
const BEFORE_KEY = Buffer.from('/announce/');
const MAX_LABEL = 64;

/**
 * What most announces are: nobody has to be asked, and nothing is to be waited for. They are answered without a
 * promise, and peers go from the store into the answer as bytes; the outcome is that of Tracker.announce. Those
 * whose key has to be looked up, whose torrent is not ready, or who are to be refused, take the long way.
 */
export class QuickAnnounces {
  announces = 0;
  handedOut = 0;
  /** Seconds until the next announce, of the last answer. */
  interval = 0;

  readonly #options: QuickAnnouncesOptions;
  readonly #swarms: PackedSwarms;
  readonly #keys: KeyBook | null;
  readonly #announce: ReusedAnnounce;
  readonly #policy: HandOut;
  readonly #infoHash = Buffer.alloc(20);
  readonly #pick = (set: CandidateSet, complete: number): void => {
    this.#policy.pick(set, complete, this.#want);
  };
  #want = 0;
  readonly #peers = new Uint8Array(6 * MAX_CANDIDATES);
  readonly #peers6 = new Uint8Array(18 * MAX_CANDIDATES);
  readonly #flags = new Uint8Array(MAX_CANDIDATES);
  readonly #flags6 = new Uint8Array(MAX_CANDIDATES);
  /** Of the announce that was taken last; null for a swarm of no artifact. */
  #found: FoundSwarm | null = null;
  #caller: TrackerCaller = ANYBODY;
  /** Who announced last, and what the store keeps of that. */
  #told: TrackerCaller = ANYBODY;
  #facts: ProfileFacts = { kind: ANYBODY.kind, caller: '', zone: '', rack: '' };

  constructor(options: QuickAnnouncesOptions) {
    this.#options = options;
    this.#swarms = options.store.swarms;
    this.#keys = options.recognize ? new KeyBook(options.recognize) : null;
    this.#announce = this.#swarms.newAnnounce();
    this.#policy = new HandOut(options.random, options.handOut);
  }

  get counts(): PackedSwarms['counts'] {
    return this.#swarms.counts;
  }

  /** Whether the announce, `length` bytes from `at`, can be answered here: it is the next to be answered then. */
  takes(bytes: Uint8Array, at: number, length: number): boolean {
    if (bytes[at + AT.event + 3]! > EVENT.paused) return false;
    const { store } = this.#options;
    const from = at + AT.infoHash;
    for (let byte = 0; byte < 20; byte++) this.#infoHash[byte] = bytes[from + byte]!;
    const found = this.#lookUp(this.#infoHash);
    if (found === undefined) return false;
    this.#found = found;
    if (!this.#knowsCaller(bytes, at + ANNOUNCE_BYTES, at + length)) return false;
    if (found === null) return true;
    const event = readWord(bytes, at + AT.event);
    const downloads =
      event !== EVENT.stopped && stateOf(leftIn(bytes, at), event) === STATE.downloading;
    return !downloads || this.#caller.kind === 'origin' || store.isReady(found.swarm);
  }

  /**
   * @param bytes the announce that was taken.
   * @param most peers that the answer has room for.
   * @param out takes the peers, in the compact form of the sender's family, from `outAt`.
   * @returns where they end
   */
  answer(
    bytes: Uint8Array,
    at: number,
    remote: RemoteWords,
    most: number,
    out: Uint8Array,
    outAt: number,
  ): number {
    const { store, clock, random, intervals, handOut } = this.#options;
    const now = clock.now();
    const announce = this.#announce;
    const event = readWord(bytes, at + AT.event);
    const numWant = readWord(bytes, at + AT.numWant) | 0;
    announce.state = stateOf(leftIn(bytes, at), event);
    announce.stopped = event === EVENT.stopped;
    announce.facts = this.#factsOf(this.#caller);
    this.#setSwarm(bytes, at);
    announce.key.address.set(remote.address);
    announce.key.port = bytes[at + AT.port]! * 256 + bytes[at + AT.port + 1]!;
    announce.key.setPeerId(bytes, at + AT.peerId);
    announce.key.finish();
    const state = STATES[announce.state]!;
    const timing = timingOf(this.#caller.kind, state, random, intervals);
    announce.expiresAt = now + timing.lifetimeMs;
    this.interval = timing.interval;
    const asked = wantOf(state, numWant < 0 ? null : numWant, announce.stopped, handOut);
    this.#want = Math.min(asked, most);
    announce.sample = sampleFor(this.#want);
    this.announces++;
    const stored = this.#swarms.announce(announce, now, this.#pick);
    this.handedOut += this.#swarms.picked.count;
    const end = this.#swarms.picked.write(out, outAt, remote.isV4 ? 6 : 18);
    this.#swarms.sweepNext(now);
    if (stored && !announce.stopped && this.#found) {
      store.stored(this.#found.swarm, this.#caller, announce.key.address, announce.expiresAt);
    }
    return end;
  }

  /**
   * The answer to an announce over HTTP, in the compact form; null when it takes the long way.
   * @param epoch for those who are told what only members understand, and null for others.
   * @throws FleetseedError REQUEST_INVALID when there is no usable address
   */
  answerRequest(request: AnnounceRequest, key: string | null, epoch: string | null): Buffer | null {
    const { store, clock, random, intervals, handOut, warningOf } = this.#options;
    const found = this.#lookUp(request.infoHash);
    if (found === undefined) return null;
    const caller = this.#callerOf(key, found);
    const state = stateOfRequest(request);
    const stopped = request.event === 'stopped';
    if (caller === null) return null;
    const downloads = !stopped && state === 'downloading' && caller.kind !== 'origin';
    if (found !== null && downloads && !store.isReady(found.swarm)) return null;
    this.announces++;
    const now = clock.now();
    const timing = timingOf(caller.kind, state, random, intervals);
    const { swarm, hash } = found ?? { swarm: request.infoHash.toString('hex'), hash: 'v1' };
    const peer = recordOf(request, { swarm, hash }, caller, now + timing.lifetimeMs);
    this.#want = wantOf(state, request.numWant, stopped, handOut);
    const announce = this.#announce;
    announce.set({ swarm, peer, stopped, sample: sampleFor(this.#want) });
    const stored = this.#swarms.announce(announce, now, this.#pick);
    this.handedOut += this.#swarms.picked.count;
    const isMember = caller.kind !== 'stranger';
    const answer = this.#encode(isMember ? epoch : null, {
      interval: timing.interval,
      minInterval: timing.minInterval,
      external: ipToBytes(request.remoteAddress) ?? ipToBytes(peer.host),
      warning: warningOf(caller, stored),
    });
    this.#swarms.sweepNext(now);
    if (stored && !stopped && found !== null) {
      store.stored(swarm, caller, announce.key.address, peer.expiresAt);
    }
    return answer;
  }

  /** What was chosen last. */
  #encode(
    epoch: string | null,
    told: Pick<CompactAnswer, 'interval' | 'minInterval' | 'external' | 'warning'>,
  ): Buffer {
    const { complete, origins, downloading, paused, completions } = this.#swarms.counts;
    const count = this.#swarms.picked.writeFlagged(this.#peers, this.#flags, 6);
    const count6 = this.#swarms.picked.writeFlagged(this.#peers6, this.#flags6, 18);
    return encodeCompactAnswer({
      ...told,
      complete: complete + origins,
      incomplete: downloading + paused,
      downloaded: completions,
      peers: this.#peers.subarray(0, 6 * count),
      peers6: this.#peers6.subarray(0, 18 * count6),
      fs4: epoch === null ? null : this.#flags.subarray(0, count),
      fs6: epoch === null ? null : this.#flags6.subarray(0, count6),
      trackerId: epoch ?? undefined,
    });
  }

  /** Null for a hash of no artifact that may be announced all the same, undefined for the long way. */
  #lookUp(infoHash: Buffer): FoundSwarm | null | undefined {
    const found = this.#options.registry.lookup(infoHash);
    if (found instanceof Promise) {
      // Asked again the long way, where its failure is told.
      found.catch(() => undefined);
      return undefined;
    }
    return found === null && this.#options.access !== 'open' ? undefined : found;
  }

  #callerOf(key: string | null, found: FoundSwarm | null): TrackerCaller | null {
    if (key === null) return this.#options.access === 'closed' ? null : ANYBODY;
    const bytes = Buffer.from(key);
    if (!this.#keys || found === null || bytes.length > MAX_KEY_BYTES) return null;
    try {
      return this.#keys.find(bytes, 0, bytes.length).callerNow(found.swarm);
    } catch {
      // The long way says why.
      return null;
    }
  }

  /** Of the same caller again they are the same object. */
  #factsOf(caller: TrackerCaller): ProfileFacts {
    if (caller !== this.#told) {
      const { id, kind, zone, rack } = caller;
      this.#told = caller;
      this.#facts = { kind, caller: id, zone: cut(zone), rack: cut(rack) };
    }
    return this.#facts;
  }

  #setSwarm(bytes: Uint8Array, at: number): void {
    const found = this.#found;
    // A hash that no artifact has counts as v1: see TrackerGate.
    this.#announce.hashes =
      !found || found.hash === 'v1' ? FLAG_V1 : found.hash === 'v2' ? FLAG_V2 : 0;
    // A swarm is called by its v2 hash.
    if (!found || found.hash === 'v2') this.#announce.setSwarmBytes(bytes, at + AT.infoHash);
    else this.#announce.setSwarm(found.swarm);
  }

  /** Finds out who announces, from the options of BEP 41 between `at` and `end`. */
  #knowsCaller(bytes: Uint8Array, at: number, end: number): boolean {
    this.#caller = ANYBODY;
    const given = pathIn(bytes, at, end);
    if (given < 0) return false;
    const path = at + 2;
    if (given === 0 || (given === PLAIN_PATH.length && isAt(bytes, path, PLAIN_PATH))) {
      return this.#options.access !== 'closed';
    }
    const length = given - BEFORE_KEY.length - PLAIN_PATH.length;
    const from = path + BEFORE_KEY.length;
    const isKeyed = isAt(bytes, path, BEFORE_KEY) && isAt(bytes, from + length, PLAIN_PATH);
    if (!this.#keys || length < 1 || length > MAX_KEY_BYTES || !isKeyed) return false;
    return this.#found !== null && this.#belongs(bytes, from, length, this.#found);
  }

  #belongs(bytes: Uint8Array, from: number, length: number, { swarm }: FoundSwarm): boolean {
    // What stands for another letter, or ends the path, is for those who take their time.
    for (let at = from; at < from + length; at++) if (IN_NO_KEY[bytes[at]!] === 1) return false;
    try {
      const caller = this.#keys!.find(bytes, from, length).callerNow(swarm);
      if (caller === null) return false;
      this.#caller = caller;
      return true;
    } catch {
      // The long way says why.
      return false;
    }
  }
}

const cut = (label: string) => label.slice(0, MAX_LABEL);

const IN_NO_KEY = Uint8Array.from({ length: 256 }, (_, code) =>
  '/%?'.includes(String.fromCharCode(code)) ? 1 : 0,
);

/** The length of the one path that is given as options; 0 for none, -1 for what is not that simple. */
function pathIn(bytes: Uint8Array, at: number, end: number): number {
  if (at === end || bytes[at] === 0) return 0;
  if (bytes[at] !== URL_DATA || at + 1 >= end) return -1;
  const length = bytes[at + 1]!;
  const after = at + 2 + length;
  return after > end || (after < end && bytes[after] !== 0) ? -1 : length;
}

function isAt(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let nth = 0; nth < text.length; nth++) if (bytes[at + nth] !== text[nth]) return false;
  return true;
}

function leftIn(bytes: Uint8Array, at: number): number {
  return readWord(bytes, at + AT.left) | readWord(bytes, at + AT.left + 4);
}

function stateOf(left: number, event: number): number {
  if (left === 0) return STATE.complete;
  return event === EVENT.paused ? STATE.paused : STATE.downloading;
}
