import type { CollectionReport, RepairReport, VerificationReport } from '#lib/contracts';

import type { MetricMaker } from './metric.maker.js';

export interface DepotCareSources {
  /** Of the last collection; null before the first. */
  collection(): Promise<CollectionReport | null>;
  /** Of the verification under way, or the last; null before the first. */
  verification(): Promise<VerificationReport | null>;
  /** Of the last repair; null before the first. */
  repair(): Promise<RepairReport | null>;
}

/** Of the last collection, verification and repair, whichever replica ran it: the depot has their reports. */
export function depotCareMetrics(make: MetricMaker, sources: DepotCareSources): void {
  collectionMetrics(make, sources);
  verificationMetrics(make, sources);
  make.gauge(
    'repair_timestamp_seconds',
    'When the last repair from machines ended; 0 before.',
    async () => seconds((await sources.repair())?.finishedAt),
  );
  make.gauges('repair_files', 'Lost files at the last repair, by outcome.', 'outcome', async () => {
    const report = await sources.repair();
    return { repaired: report?.repaired.length ?? 0, lacking: report?.lacking.length ?? 0 };
  });
}

function collectionMetrics(make: MetricMaker, sources: DepotCareSources): void {
  make.gauge(
    'collection_timestamp_seconds',
    'When the last collection ended; 0 before.',
    async () => seconds((await sources.collection())?.finishedAt),
  );
  make.gauge(
    'collection_removed_bytes',
    'Bytes that the last collection removed.',
    async () => (await sources.collection())?.removedBytes ?? 0,
  );
  make.gauge(
    'collection_damaged',
    'What the last collection found lacking or damaged.',
    async () => (await sources.collection())?.damaged.length ?? 0,
  );
  make.gauges(
    'depot_live',
    'What releases need, by kind, at the last collection.',
    'kind',
    async () => {
      const report = await sources.collection();
      if (!report) return {};
      const { artifacts, packs, blobs } = report;
      return { artifact: artifacts.live, pack: packs.live, blob: blobs.live };
    },
  );
}

function verificationMetrics(make: MetricMaker, sources: DepotCareSources): void {
  make.gauge(
    'verification_timestamp_seconds',
    'When the last verification ended; 0 before, and while one is under way.',
    async () => seconds((await sources.verification())?.finishedAt),
  );
  make.gauge(
    'verification_damaged',
    'Files that the last verification found damaged.',
    async () => (await sources.verification())?.damaged.length ?? 0,
  );
  make.gauge(
    'verification_unrepaired',
    'Files that the last verification found damaged, and that are not whole again.',
    async () => {
      const damaged = (await sources.verification())?.damaged ?? [];
      return damaged.filter(({ repairedAt }) => repairedAt === undefined).length;
    },
  );
}

function seconds(ms: number | null | undefined): number {
  return (ms ?? 0) / 1000;
}
