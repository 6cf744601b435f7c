import { LOAD_HALF_LIFE_MS } from '../peer-store.js';

/*
 * One peer in one swarm is two words:
 * - who: 25 bits the number of the host, 7 bits of the hash of its address, so that a probe seldom has to
 *   look at a host that is not sought. 0 is an empty place.
 * - what: 14 bits the end of its life in ticks, 13 bits its load, 2 bits its state, and a bit each for the
 *   hashes it announced (v1, v2) and for strangers.
 *
 * Ticks and load units go round: what is farther ahead than half a turn is behind. No record lives as long.
 */
export const TICK_MS = 2000;
/** Nobody is kept longer without announcing again, ms. */
export const MAX_LIFETIME_MS = 3_600_000;
export const MAX_HOSTS = (1 << 25) - 1;

const TICK_BITS = 14;
const TICK_MASK = (1 << TICK_BITS) - 1;
const TICK_HALF = 1 << (TICK_BITS - 1);
const LOAD_SHIFT = TICK_BITS;
const LOAD_MASK = 0x1fff;
const STATE_SHIFT = 27;
/** From here on: state, v1, v2, stranger. */
export const FLAGS_SHIFT = STATE_SHIFT;
const TAG_SHIFT = 25;

export const FLAG_V1 = 1 << 29;
export const FLAG_V2 = 1 << 30;
export const FLAG_STRANGER = 1 << 31;

export const STATE = { downloading: 0, complete: 1, paused: 2 } as const;
export const STATES = ['downloading', 'complete', 'paused'] as const;
/** Everything of the second word but the load and the end. */
const FLAGS_MASK = ~((LOAD_MASK << LOAD_SHIFT) | TICK_MASK);
const HOST_MASK = MAX_HOSTS;

/** The tick in which we are. */
export function tickAt(now: number): number {
  return Math.floor(now / TICK_MS) & TICK_MASK;
}

/** The first tick in which a record is over. */
export function endTick(expiresAt: number, now: number): number {
  const end = Math.min(expiresAt, now + MAX_LIFETIME_MS);
  return Math.ceil(end / TICK_MS) & TICK_MASK;
}

/** Whether a record with this end is over. */
export function isOver(end: number, tick: number): boolean {
  return ((end - tick - 1) & TICK_MASK) >= TICK_HALF - 1;
}

/** The earlier of two ends. */
export function earlier(a: number, b: number, tick: number): number {
  return ((a - tick + TICK_HALF) & TICK_MASK) < ((b - tick + TICK_HALF) & TICK_MASK) ? a : b;
}

/** An end that is later than that of any record. */
export function farEnd(tick: number): number {
  return (tick + TICK_HALF - 2) & TICK_MASK;
}

/** When a record ends, as a time. */
export function expiryOf(what: number, now: number): number {
  const tick = Math.floor(now / TICK_MS);
  let ahead = ((what & TICK_MASK) - tick) & TICK_MASK;
  if (ahead >= TICK_HALF) ahead -= TICK_MASK + 1;
  return (tick + ahead) * TICK_MS;
}

export const endOf = (what: number) => what & TICK_MASK;
export const stateOf = (what: number) => (what >>> STATE_SHIFT) & 3;
export const hostOf = (who: number) => who & HOST_MASK;
export const tagOf = (who: number) => who >>> TAG_SHIFT;

/** @param hash of the host's address: see {@link tagOf}. */
export function whoOf(host: number, hash: number): number {
  return (host | (hash << TAG_SHIFT)) >>> 0;
}

export function tagOfHash(hash: number): number {
  return hash & 0x7f;
}

/** @param flags of {@link FLAG_V1} and the others; the load of `before` is kept. */
export function whatOf(end: number, state: number, flags: number, before: number): number {
  return (end | (before & (LOAD_MASK << LOAD_SHIFT)) | (state << STATE_SHIFT) | flags) >>> 0;
}

/*
 * The load of a peer halves every half-life. Its logarithm falls by the same amount in the same time, so
 * logarithm plus time is a number that only hand-outs change: that is what is stored, in 32nds of a
 * half-life. 0 is no load at all.
 */
const UNITS = 32;
const UNIT_MS = LOAD_HALF_LIFE_MS / UNITS;
/** A load below 1/16 is none. */
const LEAST = -4 * UNITS;
/** A load is never above 4,096. */
const MOST = 12 * UNITS;
/** By what is stored, less the units of now, going round: the load, and the logarithm of one more in units. */
const LOADS = new Float32Array(LOAD_MASK + 1);
const ONE_MORE = new Float32Array(LOAD_MASK + 1);
for (let stored = 0; stored <= LOAD_MASK; stored++) {
  const log = Math.min(MOST, relative(stored, 0));
  if (log < LEAST) continue;
  LOADS[stored] = 2 ** (log / UNITS);
  ONE_MORE[stored] = Math.min(MOST, UNITS * Math.log2(LOADS[stored]! + 1));
}

export function loadUnitsAt(now: number): number {
  return Math.floor(now / UNIT_MS);
}

export function loadOf(what: number, units: number): number {
  const stored = (what >>> LOAD_SHIFT) & LOAD_MASK;
  return stored === 0 ? 0 : LOADS[(stored - units) & LOAD_MASK]!;
}

/**
 * With one hand-out more. Where a step is less than a unit it is taken as often as it is right on average.
 * @param chance in [0, 1)
 */
export function handedOut(what: number, units: number, chance: number): number {
  const stored = (what >>> LOAD_SHIFT) & LOAD_MASK;
  const next = stored === 0 ? 0 : Math.floor(ONE_MORE[(stored - units) & LOAD_MASK]! + chance);
  return withLoad(what, (units + next) & LOAD_MASK || 1);
}

/** A load that has faded is forgotten before the units have gone round. */
export function forgetFaded(what: number, units: number): number {
  const stored = (what >>> LOAD_SHIFT) & LOAD_MASK;
  return stored !== 0 && relative(stored, units) < LEAST ? withLoad(what, 0) : what;
}

function withLoad(what: number, stored: number): number {
  return ((what & (FLAGS_MASK | TICK_MASK)) | (stored << LOAD_SHIFT)) >>> 0;
}

function relative(stored: number, units: number): number {
  const ahead = (stored - units) & LOAD_MASK;
  return ahead > LOAD_MASK >> 1 ? ahead - LOAD_MASK - 1 : ahead;
}
