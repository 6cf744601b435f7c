import { BLOCK_LENGTH } from './payload.layout.js';
import { RateMeter } from './rate.meter.js';

/** What is always allowed to be outstanding at a member, spans, so that few peers keep us busy. */
const FIRST_SPANS = 2;
/** A member gets as much ahead as it delivers in this time, milliseconds. */
const SPANS_AHEAD_MS = 500;
/** Small enough for every client. */
const FIRST_BLOCKS = 32;
/** A stranger's queue holds what it delivers in this time, milliseconds; some answer twice a second only. */
const BLOCKS_AHEAD_MS = 3000;
/** The `reqq` of a stranger that does not tell one; libtorrent assumes 250. */
const DEFAULT_REQQ = 250;
const MOST_BLOCKS = 500;

/**
 * How much may be outstanding at one peer: what it delivers in a while, since a queue that runs empty
 * idles the link, and a longer one only delays what could be asked of others.
 */
export class RequestDepth {
  readonly #meter: RateMeter;
  readonly #reqq: number;
  #lastRate = 0;

  /**
   * @param reqq what the peer said it queues (BEP 10), in requests
   * @param isStranger it is asked for blocks, not for spans
   */
  constructor(
    now: number,
    reqq?: number,
    readonly isStranger = false,
  ) {
    this.#meter = new RateMeter(now);
    this.#reqq = Math.max(1, reqq ?? DEFAULT_REQQ);
  }

  /** Payload bytes arrived. */
  delivered(bytes: number, now: number): void {
    this.#meter.add(bytes, now);
    this.#lastRate = this.#meter.rate(now);
  }

  /** What it delivered when something came last, bytes a second: silence since then does not count. */
  get lastRate(): number {
    return this.#lastRate;
  }

  /** Bytes a second. */
  rate(now: number): number {
    return this.#meter.rate(now);
  }

  /** Spans that may be outstanding; at a stranger those that the blocks are part of. */
  spans(spanLength: number, now: number): number {
    if (this.isStranger) return Math.ceil((this.blocks(now) * BLOCK_LENGTH) / spanLength) + 1;
    const ahead = (this.rate(now) * SPANS_AHEAD_MS) / 1000 / spanLength;
    return Math.max(FIRST_SPANS, Math.ceil(ahead));
  }

  /** Blocks of 16 KiB that may be outstanding at a stranger; never more than its `reqq`. */
  blocks(now: number): number {
    const ahead = (this.rate(now) * BLOCKS_AHEAD_MS) / 1000 / BLOCK_LENGTH;
    return Math.min(this.#reqq, MOST_BLOCKS, Math.max(FIRST_BLOCKS, Math.ceil(ahead) + 2));
  }
}
