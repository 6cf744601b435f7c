import type { Random } from '#lib/runtime';

import { PeerInterest } from './peer.interest.js';
import type { PickerPeer } from './picker.peer.js';
import { RarityBuckets } from './rarity.buckets.js';
import type { RunWindow } from './run.window.js';
import type { SpanTable } from './span.table.js';

/** To be requested. A late span is open although its first requester may still deliver it. */
const OPEN = 0;
const ASKED = 1;
/** All bytes came: being hashed, written, or waiting for the rest of its piece. */
const RECEIVED = 2;
const VERIFIED = 3;

/** Who was asked for a span: the first one, and one more when that one is late or in the end game. */
interface Asked {
  first: PickerPeer;
  second: PickerPeer | null;
  at: number;
}

/**
 * Chooses which span to request from which peer. Every span is in one state:
 *
 *     open ──request──▶ asked ──received──▶ received ──verified──▶ verified
 *       ▲◀─release, late──┘                    │
 *       └────────────────failed────────────────┘
 *
 * Order of choice: runs that an origin offered to us (nobody else may have them), runs that were begun
 * (a piece larger than a span is of use only when it is whole), then the rarest run, equals at random.
 * A span has one requester; a second one when the first is late, or in the end game. Which runs are
 * fetched from other zones here, and which by others of our zone, `ZoneShare` says; the end game asks all.
 *
 * With a window only its runs are asked for, as if there were no others; the urgent ones before
 * everything else, in order.
 */
export class SpanPicker {
  readonly #buckets: RarityBuckets;
  readonly #interest: PeerInterest;
  readonly #state: Uint8Array;
  /** Open spans of each run. */
  readonly #openOf: Uint32Array;
  /** Runs of which spans were requested already and some are open. */
  readonly #begun = new Set<number>();
  /** Spans that somebody was asked for, also the late ones: a handful. */
  readonly #asked = new Map<number, Asked>();
  #openSpans: number;
  #verified = 0;
  readonly #window: RunWindow | null;
  /** Runs below this one were opened, those before the window left out. */
  #opened: number;

  /** @param seed ours, as `PickerPeer.seed` */
  constructor(
    readonly table: SpanTable,
    random: Random,
    window: RunWindow | null = null,
    seed = 0,
  ) {
    const { spanCount, layout } = table;
    this.#window = window;
    this.#opened = window?.firstRun ?? 0;
    this.#buckets = new RarityBuckets(layout.runCount, random);
    this.#interest = new PeerInterest(table, this.#buckets, seed, random);
    this.#state = new Uint8Array(spanCount);
    this.#openOf = new Uint32Array(layout.runCount);
    this.#openSpans = 0;
    this.windowMoved();
  }

  /** Runs that came into the window are open. */
  windowMoved(): void {
    const end = this.#window?.endRun ?? this.table.layout.runCount;
    for (; this.#opened < end; this.#opened++) this.#open(this.#opened);
  }

  /** Offers of all peers that stand: while there are none, only a free place makes a request possible. */
  get offered(): number {
    return this.#interest.offered;
  }

  get done(): boolean {
    return this.#verified === this.table.spanCount;
  }

  /** True when nothing is left to request but what others were asked for. */
  get endGame(): boolean {
    return this.#openSpans === 0;
  }

  /** Peers that hold a run, those that have everything not counted. */
  holdersOf(run: number): number {
    return this.#buckets.holdersOf(run);
  }

  /** True while bytes of the span are of use. */
  isWanted(span: number): boolean {
    return this.#state[span]! < RECEIVED;
  }

  addPeer(peer: PickerPeer): void {
    this.#interest.add(peer);
  }

  /** The peer left: what was requested from it is open again. */
  removePeer(peer: PickerPeer): void {
    if (!this.#interest.remove(peer)) return;
    for (const span of this.#asked.keys()) this.release(span, peer);
  }

  /** The peer announced a piece that it did not have. */
  peerGained(peer: PickerPeer, piece: number): void {
    this.#interest.gained(peer, piece);
  }

  /** The peer withdrew a piece that it had (BEP 54). */
  peerLost(peer: PickerPeer, piece: number): void {
    this.#interest.lost(peer, piece);
  }

  /** The peer, an origin, offers a run. */
  offer(peer: PickerPeer, run: number): void {
    this.#interest.offer(peer, run);
  }

  withdrawOffer(peer: PickerPeer, run: number): void {
    this.#interest.withdraw(peer, run);
  }

  /**
   * What others of our zone are to fetch from afar may become ours; to be called a few times a second.
   * @param inWant those near do not suffice
   */
  look(inWant: boolean): void {
    this.#interest.look(inWant, this.#verified / this.table.spanCount);
  }

  /** Takes the span that is best requested from `peer` now. @returns -1 when it has none. */
  request(peer: PickerPeer, now: number): number {
    const span = this.#choose(peer);
    if (span >= 0) this.#take(span, peer, now);
    return span;
  }

  /**
   * End game: takes a span that one other peer was asked for at or before `askedBefore`, the oldest
   * request first. @returns -1 when there is none, or it is no end game yet.
   */
  requestAgain(peer: PickerPeer, askedBefore: number, now: number): number {
    if (!this.endGame) return -1;
    let span = -1;
    let best: Asked | null = null;
    for (const [candidate, asked] of this.#asked) {
      if (asked.second !== null || asked.first === peer) continue;
      if (asked.at > askedBefore || (best !== null && asked.at >= best.at)) continue;
      if (!peer.holdings.holds(this.table.runOf[candidate]!)) continue;
      span = candidate;
      best = asked;
    }
    if (best === null) return -1;
    best.second = peer;
    best.at = now;
    return span;
  }

  /** The peer rejected a span: it is asked for it again when it has rejected everything else. */
  refused(span: number, peer: PickerPeer): void {
    peer.refused.add(this.table.runOf[span]!);
  }

  /** The request ended without data: rejected, cancelled, or the peer is gone. */
  release(span: number, peer: PickerPeer): void {
    const asked = this.#asked.get(span);
    if (asked === undefined) return;
    if (asked.second === peer) {
      asked.second = null;
    } else if (asked.first === peer && asked.second !== null) {
      asked.first = asked.second;
      asked.second = null;
    } else if (asked.first === peer) {
      this.#asked.delete(span);
      if (this.#state[span] === ASKED) this.#reopen(span);
    }
  }

  /** The other peer that was asked for the span; null when there is none. */
  rivalOf(span: number, peer: PickerPeer): PickerPeer | null {
    const asked = this.#asked.get(span);
    if (asked === undefined) return null;
    return asked.first === peer ? asked.second : asked.first;
  }

  /** The request is overdue: the span may be requested from one more peer. */
  late(span: number): void {
    if (this.#state[span] === ASKED && this.#asked.get(span)?.second === null) this.#reopen(span);
  }

  /**
   * All bytes of the span came from `peer`; to be called only while the span is wanted.
   * @returns the other peer that was asked for it, whose request is now to be cancelled, or null
   */
  received(span: number, peer: PickerPeer): PickerPeer | null {
    const rival = this.rivalOf(span, peer);
    this.#asked.delete(span);
    if (this.#state[span] === OPEN) this.#leaveOpen(span);
    this.#state[span] = RECEIVED;
    return rival;
  }

  /** What was received is not right, or could not be written. */
  failed(span: number): void {
    if (this.#state[span] === RECEIVED) this.#reopen(span);
  }

  /** The pieces of the span, which was received, are right and written. */
  verified(span: number): void {
    if (this.#state[span] !== RECEIVED) return;
    this.#state[span] = VERIFIED;
    this.#verified++;
    const run = this.table.runOf[span]!;
    if (this.#openOf[run]! > 0) return;
    this.#interest.got(run);
  }

  #choose(peer: PickerPeer): number {
    if (peer.interesting === 0) return -1;
    const span = this.#bestOf(peer);
    if (span >= 0 || peer.refused.size === 0) return span;
    peer.refused.clear();
    return this.#bestOf(peer);
  }

  #bestOf(peer: PickerPeer): number {
    const { firstRun = 0, urgentEnd = 0 } = this.#window ?? {};
    for (let run = firstRun; run < urgentEnd; run++) {
      const span = this.#interest.canGive(peer, run) ? this.#openSpanOf(run, peer) : -1;
      if (span >= 0) return span;
    }
    for (const run of peer.offers) {
      const span = this.#openSpanOf(run, peer);
      if (span >= 0) return span;
    }
    for (const run of this.#begun) {
      const span = this.#interest.holds(peer, run) ? this.#openSpanOf(run, peer) : -1;
      if (span >= 0) return span;
    }
    const { openCount } = this.#buckets;
    for (let index = 0; index < openCount; index++) {
      const run = this.#buckets.at(index);
      const span = this.#interest.holds(peer, run) ? this.#openSpanOf(run, peer) : -1;
      if (span >= 0) return span;
    }
    return -1;
  }

  /** A run that nothing was requested of. */
  #open(run: number): void {
    const spans = this.table.endSpanOf(run) - this.table.firstSpanOf(run);
    if (spans === 0) return;
    this.#openOf[run] = spans;
    this.#openSpans += spans;
    this.#interest.opened(run);
  }

  #openSpanOf(run: number, peer: PickerPeer): number {
    if (this.#openOf[run] === 0 || peer.refused.has(run)) return -1;
    for (let span = this.table.firstSpanOf(run); span < this.table.endSpanOf(run); span++) {
      if (this.#state[span] === OPEN && this.#asked.get(span)?.first !== peer) return span;
    }
    return -1;
  }

  #take(span: number, peer: PickerPeer, now: number): void {
    this.#leaveOpen(span);
    this.#state[span] = ASKED;
    const asked = this.#asked.get(span);
    if (asked === undefined) {
      this.#asked.set(span, { first: peer, second: null, at: now });
    } else {
      asked.second = peer;
      asked.at = now;
    }
  }

  #leaveOpen(span: number): void {
    const run = this.table.runOf[span]!;
    this.#openSpans--;
    if (--this.#openOf[run]! > 0) {
      this.#begun.add(run);
      return;
    }
    this.#begun.delete(run);
    this.#interest.closed(run);
  }

  #reopen(span: number): void {
    const run = this.table.runOf[span]!;
    this.#state[span] = OPEN;
    this.#openSpans++;
    this.#begun.add(run);
    if (this.#openOf[run]!++ > 0) return;
    this.#interest.opened(run);
  }
}
