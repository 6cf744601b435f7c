import type { LedgerDayDocument } from './ledger-day.document.js';

type Numbers = Readonly<Record<string, number>>;

/** By how much a document has grown since it was looked at before: its sums never become smaller. */
export function growthOf(
  now: LedgerDayDocument,
  before: LedgerDayDocument | undefined,
): LedgerDayDocument {
  if (!before) return now;
  return {
    ...now,
    origin: grown(now.origin, before.origin),
    stages: grown(now.stages, before.stages),
    series: grown(now.series, before.series),
  };
}

function grown<T extends Numbers>(
  now: Readonly<Record<string, T>>,
  before: Readonly<Record<string, T>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(now).map(([key, sums]) => [key, difference(sums, before[key])]),
  );
}

function difference<T extends Numbers>(now: T, before: Numbers = {}): T {
  const entries = Object.entries(now).map(([key, sum]) => [key, sum - (before[key] ?? 0)]);
  return Object.fromEntries(entries) as T;
}
