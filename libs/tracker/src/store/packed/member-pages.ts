import type { HostTable } from './host-table.js';
import { earlier, endOf, farEnd, hostOf, isOver, tagOf, tagOfHash } from './member-entry.js';
import { PAGE_CAPACITIES, PAGE_HEAD, type PageSlab } from './page-slab.js';
import type { PeerKey } from './peer-key.js';

const LAST_CLASS = PAGE_CAPACITIES.length - 1;
/** Entries after which a page grows: small ones are searched from end to end, and may be full. */
const LIMITS = PAGE_CAPACITIES.map((capacity) =>
  capacity <= 8 ? capacity : Math.floor(capacity * 0.8),
);
const SPREAD = 0x9e3779b1;
const TURN = 2 ** 32;

/** Told of every entry that goes because its time is over. */
export type OnOver = (host: number, what: number) => void;

/**
 * Pages of entries: hash tables with linear probing, whose hash is that of the peer's address. A page does
 * not know its group; a page that cannot grow is split by the next bit of the hash.
 */
export class MemberPages {
  /** Where {@link find} found something, or {@link insert} put it. */
  foundChunk: Uint32Array = new Uint32Array(0);
  foundAt = 0;
  /** The number of its first word, wherever it lies. */
  foundAddress = 0;
  sweepGoesOn = false;

  constructor(
    private readonly slab: PageSlab,
    private readonly hosts: HostTable,
  ) {}

  newPage(depth = 0): number {
    return this.slab.take(0, depth);
  }

  countOf(page: number): number {
    return this.slab.chunkOf(page)[this.slab.offsetOf(page)]! >>> 8;
  }

  depthOf(page: number): number {
    return this.slab.chunkOf(page)[this.slab.offsetOf(page) + 1]!;
  }

  /** @param host the number by which the peer is known; another may stand for the same address. */
  find(page: number, key: PeerKey, host: number): boolean {
    const chunk = this.slab.chunkOf(page);
    const head = this.slab.offsetOf(page);
    const capacity = PAGE_CAPACITIES[chunk[head]! & 0xff]!;
    const tag = tagOfHash(key.hash);
    let place = placeOf(key.hash, capacity);
    for (let probes = 0; probes < capacity; probes++) {
      const at = head + PAGE_HEAD + 2 * place;
      const who = chunk[at]!;
      if (who === 0) return false;
      if (tagOf(who) === tag && (hostOf(who) === host || this.hosts.isAt(hostOf(who), key))) {
        this.foundChunk = chunk;
        this.foundAt = at;
        this.foundAddress = page + at - head;
        return true;
      }
      if (++place === capacity) place = 0;
    }
    return false;
  }

  isFull(page: number): boolean {
    const head = this.slab.chunkOf(page)[this.slab.offsetOf(page)]!;
    return head >>> 8 >= LIMITS[head & 0xff]!;
  }

  canGrow(page: number): boolean {
    return (this.slab.chunkOf(page)[this.slab.offsetOf(page)]! & 0xff) < LAST_CLASS;
  }

  /** The page one size up. @returns its new number */
  grow(page: number): number {
    const sizeClass = this.slab.chunkOf(page)[this.slab.offsetOf(page)]! & 0xff;
    return this.#moved(page, sizeClass + 1);
  }

  /** A page that is much too large for what is left in it becomes a smaller one. @returns its number */
  fit(page: number): number {
    const head = this.slab.chunkOf(page)[this.slab.offsetOf(page)]!;
    const count = head >>> 8;
    if ((head & 0xff) < 2 || 4 * count >= LIMITS[head & 0xff]!) return page;
    const sizeClass = LIMITS.findIndex((limit) => limit >= count + (count >> 1));
    return this.#moved(page, sizeClass);
  }

  /** Two pages in place of one; the first has the entries whose next bit of the hash is 0. */
  split(page: number): [number, number] {
    const depth = this.depthOf(page) + 1;
    const halves: [number, number] = [
      this.slab.take(LAST_CLASS, depth),
      this.slab.take(LAST_CLASS, depth),
    ];
    this.each(page, (who, what) => {
      const hash = this.hosts.hashOf(hostOf(who));
      this.insert(halves[(hash >>> (32 - depth)) & 1]!, hash, who, what);
      return true;
    });
    this.slab.give(page);
    return [this.fit(halves[0]), this.fit(halves[1])];
  }

  /** The page must not be full. */
  insert(page: number, hash: number, who: number, what: number): void {
    const chunk = this.slab.chunkOf(page);
    const head = this.slab.offsetOf(page);
    const capacity = PAGE_CAPACITIES[chunk[head]! & 0xff]!;
    let place = placeOf(hash, capacity);
    while (chunk[head + PAGE_HEAD + 2 * place] !== 0) if (++place === capacity) place = 0;
    const at = head + PAGE_HEAD + 2 * place;
    chunk[at] = who;
    chunk[at + 1] = what;
    chunk[head]! += 1 << 8;
    this.foundChunk = chunk;
    this.foundAt = at;
    this.foundAddress = page + at - head;
  }

  /** @param at as {@link foundAt} */
  removeAt(page: number, at: number): void {
    const chunk = this.slab.chunkOf(page);
    const head = this.slab.offsetOf(page);
    const first = head + PAGE_HEAD;
    const capacity = PAGE_CAPACITIES[chunk[head]! & 0xff]!;
    chunk[head]! -= 1 << 8;
    let gap = (at - first) / 2;
    let place = gap;
    for (let probes = 1; probes < capacity; probes++) {
      if (++place === capacity) place = 0;
      const who = chunk[first + 2 * place]!;
      if (who === 0) break;
      const home = placeOf(this.hosts.hashOf(hostOf(who)), capacity);
      const toHome = (place - home + capacity) % capacity;
      if (toHome < (place - gap + capacity) % capacity) continue;
      chunk[first + 2 * gap] = who;
      chunk[first + 2 * gap + 1] = chunk[first + 2 * place + 1]!;
      gap = place;
    }
    chunk[first + 2 * gap] = 0;
    chunk[first + 2 * gap + 1] = 0;
  }

  /**
   * Removes what is over, `most` entries at most: then {@link sweepGoesOn} says that there may be more.
   * @returns the earliest end of what it saw and left
   */
  sweep(page: number, tick: number, most: number, onOver: OnOver): number {
    const chunk = this.slab.chunkOf(page);
    const head = this.slab.offsetOf(page);
    const capacity = PAGE_CAPACITIES[chunk[head]! & 0xff]!;
    let least = farEnd(tick);
    let left = most;
    this.sweepGoesOn = false;
    for (let place = 0; place < capacity;) {
      const at = head + PAGE_HEAD + 2 * place;
      const who = chunk[at]!;
      const what = chunk[at + 1]!;
      if (who === 0 || !isOver(endOf(what), tick)) {
        if (who !== 0) least = earlier(least, endOf(what), tick);
        place++;
        continue;
      }
      if (left-- === 0) {
        this.sweepGoesOn = true;
        break;
      }
      // What moves into the gap is looked at next.
      this.removeAt(page, at);
      onOver(hostOf(who), what);
    }
    return least;
  }

  free(page: number): void {
    this.slab.give(page);
  }

  /** Visits the entries until `visit` says false. @returns false then */
  each(page: number, visit: (who: number, what: number) => boolean): boolean {
    const chunk = this.slab.chunkOf(page);
    const first = this.slab.offsetOf(page) + PAGE_HEAD;
    const end = first + 2 * PAGE_CAPACITIES[chunk[first - PAGE_HEAD]! & 0xff]!;
    for (let at = first; at < end; at += 2) {
      if (chunk[at] !== 0 && !visit(chunk[at]!, chunk[at + 1]!)) return false;
    }
    return true;
  }

  #moved(page: number, sizeClass: number): number {
    const grown = this.slab.take(sizeClass, this.depthOf(page));
    this.each(page, (who, what) => {
      this.insert(grown, this.hosts.hashOf(hostOf(who)), who, what);
      return true;
    });
    this.slab.give(page);
    return grown;
  }
}

/** Other bits of the hash than those which chose the page. */
function placeOf(hash: number, capacity: number): number {
  return Math.floor(((Math.imul(hash, SPREAD) >>> 0) / TURN) * capacity);
}
