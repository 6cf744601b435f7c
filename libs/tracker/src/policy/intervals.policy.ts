import type { Random } from '#lib/runtime';

import type { PeerKind, PeerState } from '../store/peer-store.js';

/** How often peers announce, ms. */
export interface IntervalOptions {
  /** Members that download. */
  readonly downloadingMs: number;
  /** Members and strangers that have everything, and paused peers. */
  readonly seedingMs: number;
  /** Strangers that download: stock clients do not take kindly to seconds. */
  readonly strangerMs: number;
  /** Intervals are spread by this part up and down, so that a fleet does not fall into step. */
  readonly jitter: number;
}

export const DEFAULT_INTERVALS: IntervalOptions = {
  downloadingMs: 5_000,
  seedingMs: 12 * 60_000,
  strangerMs: 60_000,
  jitter: 0.2,
};

export interface AnnounceTiming {
  /** Whole seconds, at least 1. */
  readonly interval: number;
  readonly minInterval: number;
  /** How long the record is good without another announce, ms. */
  readonly lifetimeMs: number;
}

/** A member is given up after this at the earliest: it may be in the middle of a failover. */
const LEAST_MEMBER_LIFETIME_MS = 45_000;
/** Stock clients announce no more often than every 5 minutes whatever they are told. */
const LEAST_STRANGER_LIFETIME_MS = 16 * 60_000;
const LIFETIME_INTERVALS = 2.5;

export function timingOf(
  kind: PeerKind,
  state: PeerState,
  random: Random,
  options: IntervalOptions = DEFAULT_INTERVALS,
): AnnounceTiming {
  const base = baseOf(kind, state, options);
  const spread = 1 + options.jitter * (2 * random() - 1);
  const interval = Math.max(1, Math.round((base * spread) / 1000));
  const least = kind === 'stranger' ? LEAST_STRANGER_LIFETIME_MS : LEAST_MEMBER_LIFETIME_MS;
  return {
    interval,
    minInterval: Math.max(1, Math.floor(Math.min(interval, base / 2000))),
    lifetimeMs: Math.max(least, LIFETIME_INTERVALS * base * (1 + options.jitter)),
  };
}

function baseOf(kind: PeerKind, state: PeerState, options: IntervalOptions): number {
  if (state !== 'downloading') return options.seedingMs;
  return kind === 'stranger' ? options.strangerMs : options.downloadingMs;
}
