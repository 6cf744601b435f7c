import type { Clock, Random } from '#lib/runtime';

import { KeyBook, MAX_KEY_BYTES } from './access/key-book.js';
import {
  ANYBODY,
  type FoundSwarm,
  type RecognizeKey,
  type SwarmRegistry,
  type TrackerAccess,
  type TrackerCaller,
} from './access/tracker-access.js';
import { HandOut, sampleFor, wantOf, type HandOutOptions } from './policy/hand-out.policy.js';
import { timingOf, type IntervalOptions } from './policy/intervals.policy.js';
import type { CandidateSet } from './store/candidate-set.js';
import { FLAG_V1, FLAG_V2, STATES, STATE } from './store/packed/member-entry.js';
import type { PackedSwarms } from './store/packed/packed-swarms.js';
import { readWord } from './store/packed/peer-key.js';
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
 * What most announces over UDP are: nobody has to be asked, and nothing is to be waited for. They are answered
 * from the bytes they came in, without a promise; the outcome is that of Tracker.announce. Those whose key has
 * to be looked up, whose torrent is not ready, or who are to be refused, take the long way.
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
    this.handedOut += set.chosenLength;
  };
  #want = 0;
  /** Of the announce that was taken last; null for a swarm of no artifact. */
  #found: FoundSwarm | null = null;
  #caller: TrackerCaller = ANYBODY;

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
    const { access, registry, store } = this.#options;
    const from = at + AT.infoHash;
    for (let byte = 0; byte < 20; byte++) this.#infoHash[byte] = bytes[from + byte]!;
    const found = registry.lookup(this.#infoHash);
    if (found instanceof Promise) {
      // Asked again the long way, where its failure is told.
      found.catch(() => undefined);
      return false;
    }
    if (found === null && access !== 'open') return false;
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
    const { id: caller, kind, zone, rack } = this.#caller;
    announce.facts = {
      kind,
      caller,
      zone: zone.slice(0, MAX_LABEL),
      rack: rack.slice(0, MAX_LABEL),
    };
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
    const end = this.#swarms.writePicked(out, outAt, remote.isV4 ? 6 : 18);
    this.#swarms.sweepNext(now);
    if (stored && !announce.stopped && this.#found) {
      store.stored(this.#found.swarm, this.#caller, remote, announce.expiresAt);
    }
    return end;
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
    for (let at = from; at < from + length; at++) if (IN_NO_KEY.has(bytes[at]!)) return false;
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

const IN_NO_KEY = new Set(Buffer.from('/%?'));

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
