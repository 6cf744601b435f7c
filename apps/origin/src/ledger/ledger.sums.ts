import type { LedgerRecord, SavingsLine, StageSums } from '#lib/contracts';

import type { LedgerDayDocument } from './ledger-day.document.js';

export type SeriesSums = LedgerDayDocument['series'][string];

export function sumsOf(record: LedgerRecord): StageSums {
  if (!record.completed) return { ...noStages(), wasted: record.wasted };
  const { delivered, fromOrigin, fromPeers, reused, wasted } = record;
  return { stages: 1, delivered, fromOrigin, fromPeers, reused, wasted };
}

/** The headline of DESIGN §10: every byte the origin sent counts against it, useful or not. */
export function lineOf(sums: StageSums, origin: number): SavingsLine {
  const { delivered, fromOrigin, fromPeers, reused, wasted } = sums;
  return {
    delivered,
    origin,
    peers: fromPeers,
    reused,
    wasted,
    residual: delivered - fromOrigin - fromPeers - reused,
    ratio: delivered > 0 ? Math.max(0, 1 - origin / delivered) : 0,
  };
}

export function seriesOf({ delivered, fromPeers, reused }: StageSums): SeriesSums {
  return { delivered, origin: 0, peers: fromPeers, reused };
}

export function noStages(): StageSums {
  return { stages: 0, delivered: 0, fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 0 };
}

export function noSeries(): SeriesSums {
  return { delivered: 0, origin: 0, peers: 0, reused: 0 };
}

export function addStages(to: StageSums, sums: StageSums): void {
  to.stages += sums.stages;
  to.delivered += sums.delivered;
  to.fromOrigin += sums.fromOrigin;
  to.fromPeers += sums.fromPeers;
  to.reused += sums.reused;
  to.wasted += sums.wasted;
}

export function addSeries(to: SeriesSums, sums: SeriesSums): void {
  to.delivered += sums.delivered;
  to.origin += sums.origin;
  to.peers += sums.peers;
  to.reused += sums.reused;
}

export function sumOf(bytes: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const each of Object.values(bytes)) sum += each;
  return sum;
}
