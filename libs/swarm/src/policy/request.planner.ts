import { randomInt, type Random } from '#lib/runtime';

import type { PickerPeer } from './picker.peer.js';
import type { RequestDepth } from './request.depth.js';
import type { SpanPicker } from './span.picker.js';

/**
 * Spans in flight over all peers at first. The simulation of 40 machines: 1.12 times the bound with 10
 * (and 8 uploads at once), 1.15 with 8, 1.20 with 6, 1.29 with 4; more gain little and hold memory.
 */
export const FIRST_SPANS_IN_FLIGHT = 10;
/** As much is in flight as arrives in this time, milliseconds: what a busy event loop may lag. */
const AHEAD_MS = 40;
/** Under a rate limit no more is in flight than may arrive in this time, milliseconds. */
const LIMITED_AHEAD_MS = 2000;
/** Strangers answer late: as long as less than this is in flight they do not wait for a place, bytes. */
const STRANGERS_AHEAD = 16 * 1024 * 1024;
/** In the end game a request is repeated elsewhere after this many times the usual duration. */
const END_GAME_SLACK = 1.5;
const LEAST_END_GAME_MS = 250;
/** Weight of the newest duration in the average. */
const NEWEST = 0.1;

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

  constructor(
    readonly pick: PickerPeer,
    readonly depth: RequestDepth,
  ) {}
}

export interface PlannedRequest<S extends Source> {
  readonly source: S;
  readonly span: number;
}

/**
 * Decides what to request from whom next. The number of spans in flight is bounded for the torrent as a
 * whole, since each of them needs memory and a share of the link; a new request goes to the peer that
 * owes us least, so that all neighbours' links are used, and runs that an origin offered go first.
 */
export class RequestPlanner<S extends Source> {
  readonly #sources: S[] = [];
  readonly #random: Random;
  readonly #spanLength: number;
  #inFlight = 0;
  #usualMs = 0;

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
    this.picker.addPeer(source.pick);
  }

  remove(source: S): void {
    const index = this.#sources.indexOf(source);
    if (index < 0) return;
    this.#sources.splice(index, 1);
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
    const room = Math.min(allowed, Math.max(FIRST_SPANS_IN_FLIGHT, ahead)) - this.#inFlight;
    const best = this.#best(room, now, null);
    // What is open at a peer may be just its own overdue spans, which it is not asked for again.
    for (let source = best; source !== null; source = this.#best(room, now, best)) {
      const span = this.picker.request(source.pick, now);
      if (span >= 0) return this.#sent(source, span);
      if (source !== best) break;
    }
    return room > 0 && this.picker.endGame ? this.#again(now) : null;
  }

  /** A request ended, with or without data. */
  ended(source: S): void {
    source.outstanding--;
    this.#inFlight--;
  }

  /** A span arrived so long after it was requested. */
  took(ms: number): void {
    this.#usualMs = this.#usualMs === 0 ? ms : this.#usualMs + NEWEST * (ms - this.#usualMs);
  }

  #best(room: number, now: number, except: S | null): S | null {
    let best: S | null = null;
    let ties = 0;
    for (const source of this.#sources) {
      if (source === except || !this.#mayAsk(source, room, now)) continue;
      const order = best === null ? -1 : compare(source, best);
      if (order > 0) continue;
      ties = order < 0 ? 1 : ties + 1;
      if (order < 0 || randomInt(this.#random, ties) === 0) best = source;
    }
    return best;
  }

  #mayAsk(source: S, room: number, now: number): boolean {
    if (source.pick.interesting === 0 || !isServing(source)) return false;
    // An origin offers only what it is about to send, so this does not wait for a place.
    if (source.pick.offers.size > 0) return true;
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

function isServing(source: Source): boolean {
  return !source.snubbed && !source.choking && !source.full;
}

/** Negative when `left` is to be asked before `right`: offers first, then who owes us least. */
function compare(left: Source, right: Source): number {
  const offers = Number(right.pick.offers.size > 0) - Number(left.pick.offers.size > 0);
  return offers || left.outstanding - right.outstanding;
}
