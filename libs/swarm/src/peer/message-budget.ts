import type { IndexRange } from '#lib/wire';

import { RateLimiter } from '../policy/rate.limiter.js';
import { protocolError } from './peer-errors.js';

/** Messages a second that a peer may send for long; blocks count as messages. */
const MESSAGES_PER_SECOND = 200_000;
/** At once come as many as in this time, milliseconds. */
const BURST_MS = 250;
/** So many pieces, runs or bytes to look at are as much work as one message. */
const ITEMS_PER_MESSAGE = 64;

/**
 * Bounds the work that one peer makes. A message counts by what it makes us do: five bytes that say "I have
 * everything", sent again, are a walk over all pieces.
 */
export class MessageBudget {
  readonly #limiter: RateLimiter;

  constructor(now: number) {
    this.#limiter = new RateLimiter(MESSAGES_PER_SECOND, now, BURST_MS);
  }

  /** A message came. @throws FleetseedError WIRE_INVALID when there are too many */
  message(now: number): void {
    if (this.#limiter.available(now) === 0) throw protocolError('too many messages');
    this.#limiter.spend(1, now);
  }

  /** The message that came makes so many items to be looked at. */
  items(count: number, now: number): void {
    this.#limiter.spend(count / ITEMS_PER_MESSAGE, now);
  }
}

/**
 * How many indices the ranges have.
 * @param most how many there are at all: ranges that overlap would be work without end
 * @throws FleetseedError WIRE_INVALID
 */
export function indicesIn(ranges: readonly IndexRange[], most: number): number {
  let indices = 0;
  for (const { count } of ranges) indices += count;
  if (indices > most) throw protocolError('a list longer than all there is', { indices, most });
  return indices;
}
