import { z } from 'zod';

import { LedgerDocument } from '#lib/contracts';

/**
 * `ledger/<day>/<replica>.json`: what one run of one replica counted on one day (UTC), and nothing
 * that another document counted too: the account is the sum of all of them.
 */
export const LedgerDayDocument = LedgerDocument.extend({
  /** Sequences below the highest of `seen` that did not arrive yet. */
  gaps: z.record(z.string(), z.array(z.number().int())).default({}),
});
export type LedgerDayDocument = z.infer<typeof LedgerDayDocument>;

/** Sums of the chart, five minutes each. */
export const SERIES_STEP_MS = 5 * 60_000;

/** The day a moment belongs to, `2026-11-22` in UTC. */
export function dayOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}

/** The five minutes a moment belongs to, `14:35` in UTC. */
export function slotOf(nowMs: number): string {
  return new Date(Math.floor(nowMs / SERIES_STEP_MS) * SERIES_STEP_MS).toISOString().slice(11, 16);
}

/** When a slot of a day began, ms since the epoch. */
export function slotTime(day: string, slot: string): number {
  return Date.parse(`${day}T${slot}:00.000Z`);
}

export function emptyDay(day: string, replica: string): LedgerDayDocument {
  return { v: 1, day, replica, origin: {}, stages: {}, seen: {}, gaps: {}, series: {} };
}
