/** No request is overdue before this, milliseconds. */
export const LEAST_PATIENCE_MS = 4000;
const SLACK = 4;
/** Patience is at most this many times the least: a rate that nears zero would make it endless. */
const MOST_PATIENCE = 15;

/** What one peer owes us. */
export interface Debt {
  /** When the oldest outstanding request was sent, milliseconds. */
  readonly oldestAt: number;
  /** When payload last came from the peer, milliseconds. */
  readonly lastBytesAt: number;
  /** Bytes requested from the peer and not arrived. */
  readonly outstandingBytes: number;
  /** See `RequestPlanner.rateOf`. */
  readonly rate: number;
}

/**
 * How long a peer may be silent before its requests count as overdue: four times what everything that
 * it owes would take at its rate, at least `leastMs` and at most 15 times that.
 */
export function patienceMs(debt: Debt, leastMs = LEAST_PATIENCE_MS): number {
  if (debt.rate <= 0) return leastMs;
  const patience = (SLACK * debt.outstandingBytes * 1000) / debt.rate;
  return Math.min(MOST_PATIENCE * leastMs, Math.max(leastMs, patience));
}

/**
 * Whether a peer is to be snubbed: it gets no further request until it delivers, and what it owes may
 * be requested elsewhere. A peer from which bytes keep coming is slow, not silent: the end game takes
 * care of that. A peer whose trickle would take for ever is silent all the same.
 */
export function isOverdue(debt: Debt, now: number, leastMs = LEAST_PATIENCE_MS): boolean {
  const patience = patienceMs(debt, leastMs);
  const silentFor = now - Math.max(debt.oldestAt, debt.lastBytesAt);
  return silentFor > Math.min(patience, 5 * leastMs) || now - debt.oldestAt > 5 * patience;
}
