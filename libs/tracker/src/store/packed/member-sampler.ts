import { CANDIDATE, MAX_CANDIDATES, type CandidateSet } from '../candidate-set.js';
import { FLAGS_SHIFT, STATE, endOf, hostOf, isOver, loadOf } from './member-entry.js';
import type { MemberGroups } from './member-groups.js';
import { PAGE_CAPACITIES, PAGE_HEAD, type PageSlab } from './page-slab.js';

/** Peers taken from one place: neighbours in memory are strangers to each other, as hashes go. */
const RUN = 16;
/** Bits of an entry from FLAGS_SHIFT on: two of state, v1, v2, stranger. */
const FLAG_COMBINATIONS = 32;
const HASHES_AT = 2;
const STRANGER_BIT = 16;

const FLAGS = [0, 1, 2, 3, null].map(flagsFor);

/**
 * Draws peers of a group at random into a set, each at most once: runs of a few from places spread over its
 * pages, so that the work (and the memory that is touched) goes with the number drawn and not with the
 * group's size.
 */
export class MemberSampler {
  /** Numbers of the first words of the candidates' entries, and of their hosts. */
  readonly addresses = new Uint32Array(MAX_CANDIDATES);
  readonly hosts = new Uint32Array(MAX_CANDIDATES);
  /** The peer that asks, by the number of its first word; 0 for none. */
  self = 0;
  tick = 0;
  /** See loadOf. */
  units = 0;
  #flagsOf: Uint8Array = FLAGS[4]!;
  #state = 1;

  constructor(
    private readonly slab: PageSlab,
    private readonly groups: MemberGroups,
    private readonly set: CandidateSet,
  ) {}

  /** @param seed of the draws that follow. */
  begin(seed: number, self: number, tick: number): void {
    this.#state = seed | 1;
    this.self = self;
    this.tick = tick;
  }

  /** @param strangerHashes what a stranger that asks announced (bit 0: v1, bit 1: v2); null for others. */
  askedBy(strangerHashes: number | null): void {
    this.#flagsOf = FLAGS[strangerHashes ?? 4]!;
  }

  /** In [0, 1). */
  random(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }

  /** @param flags of all in this group. @returns how many were drawn, at most `want` */
  draw(group: number, want: number, flags: number): number {
    const most = Math.min(want, MAX_CANDIDATES - this.set.length);
    if (most <= 0) return 0;
    const directory = this.groups.directoryOf(group);
    if (!directory) return this.#drawFrom(this.groups.rootOf(group), most, flags);
    const { pages } = directory;
    const stops = Math.min(pages.length, Math.ceil(most / RUN));
    const offset = this.random();
    let left = most;
    let last = 0;
    for (let stop = 0; stop < stops && left > 0; stop++) {
      let place = Math.floor(((stop + offset) * pages.length) / stops);
      const end = Math.floor(((stop + 1 + offset) * pages.length) / stops);
      // A page that is there several times is visited once.
      while (pages[place % pages.length] === last && place + 1 < end) place++;
      const page = pages[place % pages.length]!;
      if (page === last) continue;
      last = page;
      left -= this.#drawFrom(page, Math.ceil(left / (stops - stop)), flags);
    }
    return most - left;
  }

  #drawFrom(page: number, want: number, flags: number): number {
    const chunk = this.slab.chunkOf(page);
    const first = this.slab.offsetOf(page) + PAGE_HEAD;
    const capacity = PAGE_CAPACITIES[chunk[first - PAGE_HEAD]! & 0xff]!;
    const count = chunk[first - PAGE_HEAD]! >>> 8;
    const runs = count <= 2 * want ? 1 : Math.ceil(want / RUN);
    const offset = Math.floor(this.random() * capacity);
    let left = want;
    for (let run = 0; run < runs && left > 0; run++) {
      const from = offset + Math.floor((run * capacity) / runs);
      const to = offset + Math.floor(((run + 1) * capacity) / runs);
      const most = Math.ceil(left / (runs - run));
      const address = page + PAGE_HEAD;
      // The run may go over the end of the page and on from its beginning.
      const middle = Math.min(to, capacity);
      let drawn = from < middle ? this.#run(chunk, first, address, from, middle, most, flags) : 0;
      if (drawn < most && to > capacity) {
        const start = Math.max(from - capacity, 0);
        drawn += this.#run(chunk, first, address, start, to - capacity, most - drawn, flags);
      }
      left -= drawn;
    }
    return want - left;
  }

  /** Entries from one place of a page to another. */
  #run(
    chunk: Uint32Array,
    first: number,
    address: number,
    from: number,
    to: number,
    most: number,
    flags: number,
  ): number {
    const { set, tick, units, addresses, hosts } = this;
    const { flags: flagsOut, loads } = set;
    const flagsOf = this.#flagsOf;
    const self = this.self - address;
    const start = set.length;
    const full = start + most;
    let length = start;
    for (let word = 2 * from; word < 2 * to && length < full; word += 2) {
      const who = chunk[first + word]!;
      if (who === 0) continue;
      const what = chunk[first + word + 1]!;
      if (isOver(endOf(what), tick) || word === self) continue;
      flagsOut[length] = flags | flagsOf[what >>> FLAGS_SHIFT]!;
      loads[length] = loadOf(what, units);
      addresses[length] = address + word;
      hosts[length] = hostOf(who);
      length++;
    }
    set.length = length;
    return length - start;
  }
}

/** Flags of candidates by the uppermost bits of their entries. */
function flagsFor(strangerHashes: number | null): Uint8Array {
  return Uint8Array.from({ length: FLAG_COMBINATIONS }, (_, bits) => {
    const complete = (bits & 3) === STATE.complete ? CANDIDATE.complete : 0;
    if (strangerHashes === null || (bits & STRANGER_BIT) === 0) return complete;
    const theirs = (bits >> HASHES_AT) & 3;
    const known = (theirs & strangerHashes) !== 0 || theirs === strangerHashes;
    return known ? complete : complete | CANDIDATE.barred;
  });
}
