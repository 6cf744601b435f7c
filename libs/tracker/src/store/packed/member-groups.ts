import { earlier, endOf, farEnd, isOver } from './member-entry.js';
import type { MemberPages, OnOver } from './member-pages.js';
import type { PeerKey } from './peer-key.js';
import { RecordSlab } from './record-slab.js';

/*
 * Words of a group: lane, number of peers, its page (or the number of its directory), whether it has a
 * directory, the tick before which nobody's time is over, and of the sweep under way the earliest end seen and
 * the part of the hashes that is done; the next group of the swarm.
 */
const LANE = 0;
const SIZE = 1;
const ROOT = 2;
const HAS_DIRECTORY = 3;
const NEXT_END = 4;
const SEEN_END = 5;
const SWEPT = 6;
const NEXT = 7;
const WORDS = 8;

/** Which page has which hashes: the first `depth` bits are the place in `pages`. */
export interface Directory {
  depth: number;
  pages: Uint32Array;
}

/**
 * The peers of one lane of one swarm (a zone; origins and peers that do not listen have lanes of their own).
 * A small group is one page; a large one has a directory of them (extendible hashing), so that growing costs
 * one page at a time, whatever the group's size.
 */
export class MemberGroups {
  readonly #slab = new RecordSlab(WORDS);
  readonly #directories: (Directory | undefined)[] = [];
  readonly #freeDirectories: number[] = [];

  constructor(readonly pages: MemberPages) {}

  add(lane: number, next: number, tick: number): number {
    const group = this.#slab.take();
    const [chunk, at] = this.#words(group);
    chunk[at + LANE] = lane;
    chunk[at + ROOT] = this.pages.newPage();
    chunk[at + NEXT_END] = farEnd(tick);
    chunk[at + SEEN_END] = farEnd(tick);
    chunk[at + NEXT] = next;
    return group;
  }

  /** Gives the memory of an empty group back. */
  free(group: number): void {
    const directory = this.directoryOf(group);
    if (directory) {
      eachPage(directory, (page) => this.pages.free(page));
      const number = this.rootOf(group);
      this.#directories[number] = undefined;
      this.#freeDirectories.push(number);
    } else {
      this.pages.free(this.rootOf(group));
    }
    this.#slab.give(group);
  }

  laneOf(group: number): number {
    return this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + LANE]!;
  }

  sizeOf(group: number): number {
    return this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + SIZE]!;
  }

  nextOf(group: number): number {
    return this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + NEXT]!;
  }

  setNext(group: number, next: number): void {
    this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + NEXT] = next;
  }

  /** The page of a group without a directory. */
  rootOf(group: number): number {
    return this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + ROOT]!;
  }

  directoryOf(group: number): Directory | null {
    const chunk = this.#slab.chunkOf(group);
    const at = this.#slab.offsetOf(group);
    return chunk[at + HAS_DIRECTORY] === 0 ? null : this.#directories[chunk[at + ROOT]!]!;
  }

  /** See {@link MemberPages.find}. */
  find(group: number, key: PeerKey, host: number): boolean {
    return this.pages.find(this.#pageOf(group, key.hash), key, host);
  }

  insert(group: number, hash: number, who: number, what: number, tick: number): void {
    let page = this.#pageOf(group, hash);
    while (this.pages.isFull(page)) {
      if (this.pages.canGrow(page)) this.#replace(group, hash, page, this.pages.grow(page));
      else this.#split(group, hash, page);
      page = this.#pageOf(group, hash);
    }
    this.pages.insert(page, hash, who, what);
    this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + SIZE]!++;
    this.noteEnd(group, endOf(what), tick);
  }

  /** The peer that was found last, by its hash. @returns how many are left */
  removeFound(group: number, hash: number): number {
    const page = this.#pageOf(group, hash);
    this.pages.removeAt(page, this.pages.foundAt);
    this.#fit(group, hash, page);
    return --this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + SIZE]!;
  }

  /** Somebody's time ends then. */
  noteEnd(group: number, end: number, tick: number): void {
    const chunk = this.#slab.chunkOf(group);
    const at = this.#slab.offsetOf(group);
    chunk[at + NEXT_END] = earlier(chunk[at + NEXT_END]!, end, tick);
    // A sweep under way may have passed this place already.
    chunk[at + SEEN_END] = earlier(chunk[at + SEEN_END]!, end, tick);
  }

  /**
   * Removes peers whose time is over, if there can be any, from one page, `most` at most; the next call goes on
   * there, or takes the next page.
   * @returns how many
   */
  sweep(group: number, tick: number, most: number, onOver: OnOver): number {
    const chunk = this.#slab.chunkOf(group);
    const at = this.#slab.offsetOf(group);
    if (!isOver(chunk[at + NEXT_END]!, tick)) return 0;
    const swept = chunk[at + SWEPT]!;
    const page = this.#pageOf(group, swept);
    const before = this.pages.countOf(page);
    const span = 2 ** (32 - this.pages.depthOf(page));
    const least = this.pages.sweep(page, tick, most, onOver);
    const removed = before - this.pages.countOf(page);
    chunk[at + SIZE]! -= removed;
    if (this.pages.sweepGoesOn) return removed;
    if (removed > 0) this.#fit(group, swept, page);
    const seen = earlier(chunk[at + SEEN_END]!, least, tick);
    const done = swept + span;
    const round = done >= 2 ** 32;
    // One round is done: everything that is left was seen, or put, since it began.
    if (round) chunk[at + NEXT_END] = seen;
    chunk[at + SEEN_END] = round ? farEnd(tick) : seen;
    chunk[at + SWEPT] = round ? 0 : done;
    return removed;
  }

  /** Visits the entries until `visit` says false. */
  each(group: number, visit: (who: number, what: number) => boolean): void {
    const directory = this.directoryOf(group);
    if (directory) eachPage(directory, (page) => this.pages.each(page, visit));
    else this.pages.each(this.rootOf(group), visit);
  }

  #words(group: number): [Uint32Array, number] {
    return [this.#slab.chunkOf(group), this.#slab.offsetOf(group)];
  }

  #pageOf(group: number, hash: number): number {
    const directory = this.directoryOf(group);
    return directory ? directory.pages[placeIn(directory, hash)]! : this.rootOf(group);
  }

  #fit(group: number, hash: number, page: number): void {
    const fitting = this.pages.fit(page);
    if (fitting !== page) this.#replace(group, hash, page, fitting);
  }

  #replace(group: number, hash: number, page: number, by: number): void {
    const directory = this.directoryOf(group);
    if (!directory) {
      this.#slab.chunkOf(group)[this.#slab.offsetOf(group) + ROOT] = by;
      return;
    }
    const width = 2 ** (directory.depth - this.pages.depthOf(by));
    const first = placeIn(directory, hash) & ~(width - 1);
    for (let place = first; directory.pages[place] === page; place++) directory.pages[place] = by;
  }

  #split(group: number, hash: number, page: number): void {
    const directory = this.directoryOf(group) ?? this.#newDirectory(group);
    if (this.pages.depthOf(page) === directory.depth) {
      const { pages } = directory;
      directory.pages = Uint32Array.from({ length: 2 * pages.length }, (_, at) => pages[at >> 1]!);
      directory.depth++;
    }
    const width = 2 ** (directory.depth - this.pages.depthOf(page));
    const first = placeIn(directory, hash) & ~(width - 1);
    const [low, high] = this.pages.split(page);
    directory.pages.fill(low, first, first + width / 2);
    directory.pages.fill(high, first + width / 2, first + width);
  }

  #newDirectory(group: number): Directory {
    const [chunk, at] = this.#words(group);
    const directory: Directory = { depth: 0, pages: Uint32Array.of(chunk[at + ROOT]!) };
    const number = this.#freeDirectories.pop() ?? this.#directories.length;
    this.#directories[number] = directory;
    chunk[at + ROOT] = number;
    chunk[at + HAS_DIRECTORY] = 1;
    return directory;
  }
}

function placeIn({ depth }: Directory, hash: number): number {
  // A shift by 32 would be one by 0.
  return depth === 0 ? 0 : hash >>> (32 - depth);
}

function eachPage({ pages }: Directory, visit: (page: number) => unknown): void {
  let last = 0;
  for (const page of pages) {
    if (page !== last && visit(page) === false) return;
    last = page;
  }
}
