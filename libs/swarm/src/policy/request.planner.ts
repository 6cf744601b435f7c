import type { Random } from '#lib/runtime';

import type { PickerPeer } from './picker.peer.js';
import type { RequestDepth } from './request.depth.js';
import type { SpanPicker } from './span.picker.js';

/**
 * Spans in flight over all peers at first. The simulation of 40 machines: 1.08 times the bound with 8 or
 * 10 (and 4 to 6 uploads at once), 1.17 with 6; with many more, requests wait where others go ahead.
 */
export const FIRST_SPANS_IN_FLIGHT = 8;
/** With those that are overdue so many times as many spans may be in flight: each needs memory. */
const WITH_OVERDUE = 2;
/** As much is in flight as arrives in this time, milliseconds: what a busy event loop may lag. */
const AHEAD_MS = 40;
/** Under a rate limit no more is in flight than may arrive in this time, milliseconds. */
const LIMITED_AHEAD_MS = 2000;
/** Strangers answer late: as long as less than this is in flight they do not wait for a place, bytes. */
const STRANGERS_AHEAD = 16 * 1024 * 1024;
/** In the end game a request is repeated elsewhere after this many times the usual duration. */
const END_GAME_SLACK = 1.5;
const LEAST_END_GAME_MS = 250;
/** Weight of the newest duration in the averages. */
const NEWEST = 0.1;
const NEWEST_OF_SOURCE = 0.25;
/**
 * By how much a source was slow counts half after this, milliseconds, a quarter after twice as long: it is tried
 * again. In the crush at a start some take ten times as long as later, and must not lie idle for the rest.
 */
const FORGET_MS = 2000;
/** A source that answers at once is taken for no quicker than this part of the usual. */
const LEAST_RATIO = 0.5;
/** Estimates are rough: up to so much is added by chance, so that neighbours do not choose alike. */
const CHANCE = 0.5;
/** A source is slow when its spans take so many times as long as those of the quickest. */
const SLOW = 1.5;
/** What slow sources together may owe, spans, as long as the others keep the link busy. */
const SLOW_SPANS = 2;
/** With fewer spans in flight than this the link idles: then slow sources are as good as any. */
const BUSY_SPANS = 5;
/** So many of a zone share what crosses to it: that one of them fetches more from afar costs little. */
const MANY_NEAR = 8;
/** Zones are alike when the quickest source of one takes no more than so many times as long as that of another. */
const ALIKE = 1.5;

/** One peer as a source of spans. */
export class Source {
  /** Spans requested and not arrived. */
  outstanding = 0;
  /** Requests are overdue: the peer gets no further ones until it delivers. */
  snubbed = false;
  /** The peer does not serve us now. */
  choking = false;
  /** The torrent's own reason not to ask more of it, as a stranger whose block queue is full. */
  full = false;
  /** From a request to its span, of late, milliseconds; 0 while unknown. */
  usualMs = 0;
  /** When that was measured last. */
  measuredAt = 0;

  constructor(
    readonly pick: PickerPeer,
    readonly depth: RequestDepth,
  ) {}

  /** What its spans may take now, milliseconds: the longer ago it was measured, the nearer to `hoped`. */
  usualSince(now: number, hoped: number): number {
    if (this.usualMs <= hoped) return this.usualMs;
    const age = Math.max(0, now - this.measuredAt) / FORGET_MS;
    return hoped + (this.usualMs - hoped) / 2 ** age;
  }
}

export interface PlannedRequest<S extends Source> {
  readonly source: S;
  readonly span: number;
}

/**
 * Decides what to request from whom next. The number of spans in flight is bounded for the torrent as a
 * whole, since each of them needs memory and a share of the link; a new request goes to the peer that is
 * expected to deliver it first, by what it owes us and how long its spans took of late, so that all
 * neighbours' links are used and slow ones are not waited for; runs that an origin offered go first.
 */
export class RequestPlanner<S extends Source> {
  readonly #sources: S[] = [];
  readonly #random: Random;
  readonly #spanLength: number;
  #inFlight = 0;
  #strangers = 0;
  #usualMs = 0;
  /** When it was tried last there was room, and nobody who could be asked for anything. */
  #isIdle = false;

  /** @param spanLength the usual length of a span, bytes */
  constructor(
    readonly picker: SpanPicker,
    spanLength: number,
    random: Random,
  ) {
    this.#random = random;
    this.#spanLength = Math.max(1, spanLength);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get sources(): readonly S[] {
    return this.#sources;
  }

  add(source: S): void {
    this.#sources.push(source);
    if (source.depth.isStranger) this.#strangers++;
    this.picker.addPeer(source.pick);
  }

  remove(source: S): void {
    const index = this.#sources.indexOf(source);
    if (index < 0) return;
    this.#sources.splice(index, 1);
    if (source.depth.isStranger) this.#strangers--;
    this.#inFlight -= source.outstanding;
    source.outstanding = 0;
    this.picker.removePeer(source.pick);
  }

  /**
   * The next request to send, which then counts as sent; null when nothing is to be requested now.
   * @param rate what arrives from all peers together, bytes a second
   * @param limit what may arrive, bytes a second; Infinity without a limit
   */
  next(rate: number, now: number, limit = Infinity): PlannedRequest<S> | null {
    const ahead = Math.ceil((rate * AHEAD_MS) / 1000 / this.#spanLength);
    const allowed = Math.ceil((limit * LIMITED_AHEAD_MS) / 1000 / this.#spanLength);
    const most = Math.min(allowed, Math.max(FIRST_SPANS_IN_FLIGHT, ahead));
    const room = Math.min(most - this.#coming, WITH_OVERDUE * most - this.#inFlight);
    this.#isIdle = false;
    if (room <= 0 && this.picker.offered === 0 && this.#strangers === 0) return null;
    const best = this.#best(room, now, null);
    // What is open at a peer may be just its own overdue spans, which it is not asked for again.
    for (let source = best; source !== null; source = this.#best(room, now, best)) {
      const span = this.picker.request(source.pick, now);
      if (span >= 0) return this.#sent(source, span);
      if (source !== best) break;
    }
    this.#isIdle = room > 0;
    return room > 0 && this.picker.endGame ? this.#again(now) : null;
  }

  /** To be called a few times a second: see `SpanPicker.look`. */
  tick(): void {
    this.picker.look(this.#isInWant());
  }

  /**
   * Whether those of our zone do not suffice: the link idles, or even the quickest of them is much slower than
   * the quickest elsewhere. Where they are many, each free place counts: in the simulation of zones of a hundred
   * the last machine ends 4 % earlier so, with 5 instead of 4 % of the bytes from other zones; zones of four
   * would fetch twice as much from there.
   */
  #isInWant(): boolean {
    let near = Infinity;
    let far = Infinity;
    let fellows = 0;
    for (const { pick, usualMs, snubbed } of this.#sources) {
      if (snubbed) continue;
      const usual = usualMs === 0 ? Infinity : usualMs;
      if (pick.distance === 'far') far = Math.min(far, usual);
      if (pick.distance !== 'near') continue;
      near = Math.min(near, usual);
      fellows++;
    }
    if (this.#isIdle && (fellows >= MANY_NEAR || this.#coming < BUSY_SPANS)) return true;
    return near < Infinity && near > ALIKE * far;
  }

  /** A request ended, with or without data. */
  ended(source: S): void {
    source.outstanding--;
    this.#inFlight--;
  }

  /** A span arrived from the source now. */
  took(source: S, askedAt: number, now: number): void {
    const ms = now - askedAt;
    this.#usualMs = average(this.#usualMs, ms, NEWEST);
    source.usualMs = average(source.usualMs, ms, NEWEST_OF_SOURCE);
    source.measuredAt = now;
  }

  /**
   * What the source delivers while it owes us something, as far as is known, bytes a second; 0 while unknown. By
   * what came in a stretch of time alone, one that is asked now and then would seem slow, and its silence be waited
   * out for long.
   */
  rateOf({ depth, usualMs }: S): number {
    const ofSpans = usualMs === 0 ? 0 : (this.#spanLength * 1000) / usualMs;
    return Math.max(depth.lastRate, ofSpans);
  }

  /** Spans in flight but those that are overdue: they keep no link busy, and others are to take their place. */
  get #coming(): number {
    let coming = 0;
    for (const { outstanding, snubbed } of this.#sources) if (!snubbed) coming += outstanding;
    return coming;
  }

  /** How long another span would take from the source, as far as is known: what waits there comes first. */
  #expected(source: S, now: number): number {
    if (this.#usualMs === 0) return source.outstanding;
    const usual = source.usualMs === 0 ? 1 : source.usualSince(now, this.#usualMs) / this.#usualMs;
    return (source.outstanding + 1) * Math.max(LEAST_RATIO, usual) * (1 + CHANCE * this.#random());
  }

  #best(room: number, now: number, except: S | null): S | null {
    const pace = this.#paceToKeep(now);
    let best: S | null = null;
    let least = Infinity;
    for (const source of this.#sources) {
      if (source === except || !this.#mayAsk(source, room, now)) continue;
      if (isSlow(source, pace, now)) continue;
      // An origin's offer is for us alone, and others wait for us to pass it on.
      const expected = isOffering(source) ? -1 : this.#expected(source, now);
      if (expected >= least) continue;
      best = source;
      least = expected;
    }
    return best;
  }

  /**
   * What the quickest source takes for a span, milliseconds, when slow ones are to be asked for nothing
   * more now; Infinity while they may be: they owe little, or the link would idle. So what is near is
   * preferred also where nobody said where it stands, and what comes only over a link that all share is
   * fetched by few at a time, who then pass it on.
   */
  #paceToKeep(now: number): number {
    if (this.#coming < BUSY_SPANS) return Infinity;
    let quickest = Infinity;
    for (const { usualMs, snubbed } of this.#sources) {
      // How quick a silent one was is no measure for the others.
      if (!snubbed && usualMs > 0 && usualMs < quickest) quickest = usualMs;
    }
    let owed = 0;
    for (const source of this.#sources) {
      if (isSlow(source, quickest, now)) owed += source.outstanding;
    }
    return owed < SLOW_SPANS ? Infinity : quickest;
  }

  #mayAsk(source: S, room: number, now: number): boolean {
    if (source.pick.interesting === 0 || !isServing(source)) return false;
    // An origin offers only what it is about to send, so this does not wait for a place.
    if (isOffering(source)) return true;
    const hasPlace =
      room > 0 || (source.depth.isStranger && this.#inFlight * this.#spanLength < STRANGERS_AHEAD);
    return hasPlace && source.outstanding < source.depth.spans(this.#spanLength, now);
  }

  #again(now: number): PlannedRequest<S> | null {
    const patience = Math.max(LEAST_END_GAME_MS, this.#usualMs * END_GAME_SLACK);
    for (const source of this.#sources) {
      if (source.outstanding > 0 || !isServing(source)) continue;
      const span = this.picker.requestAgain(source.pick, now - patience, now);
      if (span >= 0) return this.#sent(source, span);
    }
    return null;
  }

  #sent(source: S, span: number): PlannedRequest<S> {
    source.outstanding++;
    this.#inFlight++;
    return { source, span };
  }
}

function isOffering(source: Source): boolean {
  return source.pick.offers.size > 0;
}

/** It takes far longer than the quickest, as far as is remembered; what an origin offers is never slow. */
function isSlow(source: Source, quickestMs: number, now: number): boolean {
  return !isOffering(source) && source.usualSince(now, quickestMs) > SLOW * quickestMs;
}

function isServing(source: Source): boolean {
  return !source.snubbed && !source.choking && !source.full;
}

function average(before: number, newest: number, weight: number): number {
  return before === 0 ? newest : before + weight * (newest - before);
}
