import { endOf, isOver } from './member-entry.js';
import type { MemberGroups } from './member-groups.js';
import { PAGE_CAPACITIES, PAGE_HEAD, type PageSlab } from './page-slab.js';

/** Peers taken from one place: neighbours in memory are strangers to each other, as hashes go. */
const RUN = 8;

/** Takes a candidate by the number of its first word. */
export type Take = (address: number, who: number, what: number) => void;

/**
 * Draws peers of a group at random, each at most once: runs of a few from places spread over its pages, so
 * that the work (and the memory that is touched) goes with the number drawn and not with the group's size.
 */
export class MemberSampler {
  /** The peer that asks, by the number of its first word; 0 for none. */
  self = 0;
  tick = 0;
  #state = 1;

  constructor(
    private readonly slab: PageSlab,
    private readonly groups: MemberGroups,
  ) {}

  /** @param seed of the draws that follow. */
  begin(seed: number, self: number, tick: number): void {
    this.#state = seed | 1;
    this.self = self;
    this.tick = tick;
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

  /** @returns how many were taken, at most `want` */
  draw(group: number, want: number, take: Take): number {
    const directory = this.groups.directoryOf(group);
    if (!directory) return this.#drawFrom(this.groups.rootOf(group), want, take);
    const { pages } = directory;
    const stops = Math.min(pages.length, Math.ceil(want / RUN));
    const offset = this.random();
    let left = want;
    let last = 0;
    for (let stop = 0; stop < stops && left > 0; stop++) {
      let place = Math.floor(((stop + offset) * pages.length) / stops);
      const end = Math.floor(((stop + 1 + offset) * pages.length) / stops);
      // A page that is there several times is visited once.
      while (pages[place % pages.length] === last && place + 1 < end) place++;
      const page = pages[place % pages.length]!;
      if (page === last) continue;
      last = page;
      left -= this.#drawFrom(page, Math.ceil(left / (stops - stop)), take);
    }
    return want - left;
  }

  #drawFrom(page: number, want: number, take: Take): number {
    const chunk = this.slab.chunkOf(page);
    const head = this.slab.offsetOf(page);
    const capacity = PAGE_CAPACITIES[chunk[head]! & 0xff]!;
    const count = chunk[head]! >>> 8;
    const runs = count <= 2 * want ? 1 : Math.ceil(want / RUN);
    const offset = this.random() * capacity;
    let left = want;
    for (let run = 0; run < runs && left > 0; run++) {
      const from = Math.floor(offset + (run * capacity) / runs);
      const to = Math.floor(offset + ((run + 1) * capacity) / runs);
      let most = Math.ceil(left / (runs - run));
      for (let number = from; number < to && most > 0; number++) {
        const at = head + PAGE_HEAD + 2 * (number < capacity ? number : number - capacity);
        const who = chunk[at]!;
        if (who === 0) continue;
        const what = chunk[at + 1]!;
        const address = page + at - head;
        if (isOver(endOf(what), this.tick) || address === this.self) continue;
        take(address, who, what);
        most--;
        left--;
      }
    }
    return want - left;
  }
}
