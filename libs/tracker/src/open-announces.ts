import type { Clock, Random } from '#lib/runtime';

import type { SwarmRegistry } from './access/tracker-access.js';
import { HandOut, sampleFor, wantOf, type HandOutOptions } from './policy/hand-out.policy.js';
import { timingOf, type IntervalOptions } from './policy/intervals.policy.js';
import type { CandidateSet } from './store/candidate-set.js';
import { FLAG_V1, STATES, STATE } from './store/packed/member-entry.js';
import type { PackedSwarms } from './store/packed/packed-swarms.js';
import { readWord } from './store/packed/peer-key.js';
import type { ProfileFacts } from './store/packed/profile-table.js';
import type { ReusedAnnounce } from './store/packed/reused-announce.js';
import type { RemoteWords } from './udp/udp-remote.js';

export interface OpenAnnouncesOptions {
  readonly registry: SwarmRegistry;
  readonly swarms: PackedSwarms;
  readonly clock: Clock;
  readonly random: Random;
  readonly intervals: IntervalOptions;
  readonly handOut: HandOutOptions;
}

const NO_KEY: ProfileFacts = { kind: 'stranger', caller: '', zone: '', rack: '' };
/** Places in an announce of BEP 15. */
const AT = { infoHash: 16, peerId: 36, left: 64, event: 80, numWant: 92, port: 96 } as const;
const EVENT = { stopped: 3, paused: 4 } as const;

/**
 * What most announces of a public tracker are: somebody without a key, in a swarm behind which no artifact of
 * ours stands. There is nobody to ask and nothing to wait for, so they are answered from the bytes they came
 * in, without an object or a promise; the outcome is that of Tracker.announce.
 */
export class OpenAnnounces {
  announces = 0;
  handedOut = 0;
  /** Seconds until the next announce, of the last answer. */
  interval = 0;

  readonly #options: OpenAnnouncesOptions;
  readonly #announce: ReusedAnnounce;
  readonly #policy: HandOut;
  readonly #infoHash = Buffer.alloc(20);
  readonly #pick = (set: CandidateSet, complete: number): void => {
    this.#policy.pick(set, complete, this.#want);
    this.handedOut += set.chosenLength;
  };
  #want = 0;

  constructor(options: OpenAnnouncesOptions) {
    this.#options = options;
    this.#announce = options.swarms.newAnnounce();
    this.#policy = new HandOut(options.random, options.handOut);
  }

  get counts(): PackedSwarms['counts'] {
    return this.#options.swarms.counts;
  }

  /** Whether the announce from `at` can be answered here. */
  takes(bytes: Uint8Array, at: number): boolean {
    const from = at + AT.infoHash;
    for (let byte = 0; byte < 20; byte++) this.#infoHash[byte] = bytes[from + byte]!;
    return this.#options.registry.lookup(this.#infoHash) === null;
  }

  /**
   * @param bytes an announce of BEP 15 from `at`.
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
    const { swarms, clock, random, intervals, handOut } = this.#options;
    const now = clock.now();
    const announce = this.#announce;
    const event = readWord(bytes, at + AT.event);
    const left = readWord(bytes, at + AT.left) | readWord(bytes, at + AT.left + 4);
    const numWant = readWord(bytes, at + AT.numWant) | 0;
    announce.state = stateOf(left, event);
    announce.stopped = event === EVENT.stopped;
    announce.facts = NO_KEY;
    // A hash that no artifact has counts as v1: see TrackerGate.
    announce.hashes = FLAG_V1;
    announce.setSwarmBytes(bytes, at + AT.infoHash);
    announce.key.address.set(remote.address);
    announce.key.port = bytes[at + AT.port]! * 256 + bytes[at + AT.port + 1]!;
    announce.key.setPeerId(bytes, at + AT.peerId);
    announce.key.finish();
    const state = STATES[announce.state]!;
    const timing = timingOf('stranger', state, random, intervals);
    announce.expiresAt = now + timing.lifetimeMs;
    this.interval = timing.interval;
    const asked = wantOf(state, numWant < 0 ? null : numWant, announce.stopped, handOut);
    this.#want = Math.min(asked, most);
    announce.sample = sampleFor(this.#want);
    this.announces++;
    swarms.announce(announce, now, this.#pick);
    const end = swarms.writePicked(out, outAt, remote.isV4 ? 6 : 18);
    swarms.sweepNext(now);
    return end;
  }
}

function stateOf(left: number, event: number): number {
  if (left === 0) return STATE.complete;
  return event === EVENT.paused ? STATE.paused : STATE.downloading;
}
