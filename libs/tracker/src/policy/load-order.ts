import { CANDIDATE, MAX_CANDIDATES, type CandidateSet } from '../store/candidate-set.js';

/** Loads are told apart by halves up to 48, and by sixteens above. */
const FINE = 2;
const FINE_UP_TO = 48;
const COARSE = 16;
const LEVELS = 128;
const NO_PEER = CANDIDATE.origin | CANDIDATE.barred;

/**
 * The peers among candidates (no origins, nobody who is barred), least loaded first, a seed counting half its
 * load; a random part of less than one hand-out breaks ties. Sorted by counting, in two passes and without
 * allocating.
 */
export class LoadOrder {
  /** The first `length` are the peers' places in the set. */
  readonly places = new Uint16Array(MAX_CANDIDATES);
  length = 0;
  /** How many are of other zones, and of the rack of who asks. */
  remote = 0;
  sameRack = 0;
  /** The sum of all loads. */
  load = 0;
  readonly #levels = new Uint8Array(MAX_CANDIDATES);
  /** Where the next of each level goes. */
  readonly #next = new Uint16Array(LEVELS + 1);

  sort({ flags, loads, length }: CandidateSet, seed: number): void {
    const levels = this.#levels;
    const next = this.#next;
    let remote = 0;
    let sameRack = 0;
    let sum = 0;
    let highest = 0;
    let state = seed | 0;
    next.fill(0);
    for (let place = 0; place < length; place++) {
      const flag = flags[place]!;
      if ((flag & NO_PEER) !== 0) continue;
      const load = loads[place]!;
      sum += load;
      if ((flag & CANDIDATE.remote) !== 0) remote++;
      if ((flag & CANDIDATE.sameRack) !== 0) sameRack++;
      state = (Math.imul(state, 0x915f77f5) + 1) | 0;
      const counted = (flag & CANDIDATE.complete) === 0 ? load : load / 2;
      const level = levelOf(counted + (state >>> 0) / 2 ** 32);
      if (level > highest) highest = level;
      levels[place] = level;
      next[level + 1]!++;
    }
    for (let level = 1; level <= highest + 1; level++) next[level]! += next[level - 1]!;
    this.length = next[highest + 1]!;
    for (let place = 0; place < length; place++) {
      if ((flags[place]! & NO_PEER) === 0) this.places[next[levels[place]!]!++] = place;
    }
    this.remote = remote;
    this.sameRack = sameRack;
    this.load = sum;
  }
}

function levelOf(score: number): number {
  const exact = score < FINE_UP_TO ? FINE * score : FINE * FINE_UP_TO + score / COARSE;
  return exact < LEVELS - 1 ? exact | 0 : LEVELS - 1;
}
