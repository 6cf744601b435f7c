import { z } from 'zod';

import { Hex32, LedgerDocument, StageSums } from '#lib/contracts';

/** A stage by itself: its artifact, the five minutes it was counted in, and its sums. */
export const RecordedStage = z.tuple([Hex32, z.string(), StageSums]);
export type RecordedStage = z.infer<typeof RecordedStage>;

/**
 * `ledger/<day>/<replica>.json`: what one run of one replica counted on one day (UTC). The account is
 * the sum of all documents, but for `records`: one that a machine sent to two replicas, because the
 * first did not answer in time, is in the documents of both, and counts once.
 */
export const LedgerDayDocument = LedgerDocument.extend({
  /** Sequences below the highest of `seen` that did not arrive yet. */
  gaps: z.record(z.string(), z.array(z.number().int())).default({}),
  /** Where there are other replicas: each stage by itself, by `<reporter>/<session>` and sequence. */
  records: z.record(z.string(), z.record(z.string(), RecordedStage)).default({}),
  /** It is full, and will not change any more. */
  sealed: z.boolean().default(false),
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
  const nothing = { origin: {}, stages: {}, seen: {}, gaps: {}, series: {}, records: {} };
  return { v: 1, day, replica, ...nothing, sealed: false };
}
