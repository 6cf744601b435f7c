import { systemClock, type Clock } from './clock.js';
import type { LogFacts } from './logger.js';

const EVERY_MS = 60_000;

export interface SeldomOptions {
  readonly clock?: Clock;
  /** The least time between two entries, ms; a minute by default. */
  readonly everyMs?: number;
}

/**
 * For what goes wrong many times in a second while something is away: it is told at once, and then once
 * in a while, with how many times it came in between.
 */
export function seldom(
  tell: (facts: LogFacts) => void,
  { clock = systemClock, everyMs = EVERY_MS }: SeldomOptions = {},
): (facts: LogFacts) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return (facts) => {
    const now = clock.monotonic();
    if (now - toldAt < everyMs) {
      untold++;
      return;
    }
    tell(untold === 0 ? facts : { ...facts, untold });
    toldAt = now;
    untold = 0;
  };
}
