import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

import type { CollectionReport, RepairReport, VerificationReport } from '#lib/contracts';

/** A sum that only grows, by label value; every value of the label is there from the start. */
type Sums = Readonly<Record<string, number>>;

/** Where the numbers come from: read at each scrape, kept nowhere else. */
export interface MetricSources {
  readonly version: string;
  /** Payload bytes that machines received in completed stages. */
  receivedBytes(): { readonly peers: number; readonly origin: number; readonly reused: number };
  deliveredBytes(): number;
  wastedBytes(): number;
  /** Bytes delivered that no source accounts for. */
  residualBytes(): number;
  originSentBytes(): Sums;
  targets(): { readonly online: number; readonly offline: number };
  eventStreams(): number;
  trackerPeers(): Promise<{ readonly swarms: number; readonly peers: number }>;
  trackerTotals(): { readonly announces: number; readonly handedOut: number };
  artifacts(): number;
  seededTorrents(): number;
  seederConnections(): number;
  webSeedRequests(): Sums;
  webSeedRunning(): number;
  /** What the cache of content from S3 did; null where content lies in a folder. */
  contentCache(): ContentCacheFigures | null;
  /** Unfinished jobs by state. */
  jobs(): Promise<Sums>;
  /** Of the last collection; null before the first. */
  collection(): Promise<CollectionReport | null>;
  /** Of the verification under way, or the last; null before the first. */
  verification(): Promise<VerificationReport | null>;
  /** Of the last repair; null before the first. */
  repair(): Promise<RepairReport | null>;
}

export interface ContentCacheFigures {
  /** By where the bytes were found. */
  readonly reads: Sums;
  readonly fetchedBytes: number;
  readonly evictions: number;
  readonly unkept: number;
  readonly damaged: Sums;
  readonly bytes: Sums;
}

const PREFIX = 'fleetseed_';

/**
 * Everything `/metrics` shows. Base units, `_total` for what only grows, no label with more than a
 * handful of values: artifacts, peers and targets are the API's to show.
 */
export function originMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  const counters = counterMaker(registry);
  const gauge = gaugeMaker(registry);

  gauge('build_info', 'Always 1; the label says which build this is.', () => 1, {
    version: sources.version,
  });
  counters(
    'received_bytes_total',
    'Payload bytes that completed stages received, as the machines report, by where from.',
    'source',
    () => {
      const { peers, origin, reused } = sources.receivedBytes();
      return { peer: peers, origin, reuse: reused };
    },
  );
  counters(
    'origin_sent_bytes_total',
    'Payload bytes that origins sent, useful or not, by why.',
    'reason',
    () => sources.originSentBytes(),
  );
  counters('delivered_bytes_total', 'Verified bytes of completed stages.', null, () => ({
    '': sources.deliveredBytes(),
  }));
  counters('wasted_bytes_total', 'Bytes that machines received in vain.', null, () => ({
    '': sources.wastedBytes(),
  }));
  gauge('ledger_residual_bytes', 'Delivered bytes that no source accounts for.', () =>
    sources.residualBytes(),
  );
  gauges(registry, 'targets', 'Machines that joined, by whether they are there.', 'state', () =>
    sources.targets(),
  );
  gauge('agent_event_streams', 'Agents that are connected.', () => sources.eventStreams());
  gauge('artifacts', 'Artifacts of all releases.', () => sources.artifacts());
  gauge('seeded_torrents', 'Artifacts that this process seeds now.', () =>
    sources.seededTorrents(),
  );
  gauge('seeder_connections', 'Peers connected to this process.', () =>
    sources.seederConnections(),
  );
  counters(
    'web_seed_requests_total',
    'Requests to the HTTP web seed, by how they ended.',
    'result',
    () => sources.webSeedRequests(),
  );
  gauge('web_seed_answers', 'Answers of the HTTP web seed under way.', () =>
    sources.webSeedRunning(),
  );
  contentCacheMetrics(registry, sources);
  gauges(registry, 'jobs', 'Jobs that have not ended, by state.', 'state', () => sources.jobs());
  collectionMetrics(registry, sources);
  gauge(
    'verification_timestamp_seconds',
    'When the last verification ended; 0 before, and while one is under way.',
    async () => ((await sources.verification())?.finishedAt ?? 0) / 1000,
  );
  gauge('verification_damaged', 'Files that the last verification found damaged.', async () => {
    return (await sources.verification())?.damaged.length ?? 0;
  });
  gauge(
    'repair_timestamp_seconds',
    'When the last repair from machines ended; 0 before.',
    async () => ((await sources.repair())?.finishedAt ?? 0) / 1000,
  );
  gauges(
    registry,
    'repair_files',
    'Lost files at the last repair, by outcome.',
    'outcome',
    async () => {
      const report = await sources.repair();
      return { repaired: report?.repaired.length ?? 0, lacking: report?.lacking.length ?? 0 };
    },
  );
  gauge('tracker_swarms', 'Swarms that have peers.', async () => {
    return (await sources.trackerPeers()).swarms;
  });
  gauge('tracker_peers', 'Peers in all swarms.', async () => {
    return (await sources.trackerPeers()).peers;
  });
  counters('tracker_announces_total', 'Announces since the start.', null, () => ({
    '': sources.trackerTotals().announces,
  }));
  counters('tracker_handed_out_peers_total', 'Peers handed out since the start.', null, () => ({
    '': sources.trackerTotals().handedOut,
  }));
  collectDefaultMetrics({ register: registry });
  return registry;
}

/** Of this process alone: each replica has a cache of its own. */
function contentCacheMetrics(registry: Registry, sources: MetricSources): void {
  const counters = counterMaker(registry);
  const figure = (name: string, help: string, read: (figures: ContentCacheFigures) => number) =>
    counters(name, help, null, () => {
      const figures = sources.contentCache();
      return figures ? { '': read(figures) } : {};
    });
  counters(
    'content_cache_reads_total',
    'Reads of content from S3, by where the bytes were found: shared waited for the same request.',
    'result',
    () => sources.contentCache()?.reads ?? {},
  );
  figure('content_cache_fetched_bytes_total', 'Bytes of content read from S3.', (figures) => {
    return figures.fetchedBytes;
  });
  figure('content_cache_evictions_total', 'Spans that gave way to others.', (figures) => {
    return figures.evictions;
  });
  figure(
    'content_cache_unkept_total',
    'Spans that were served and could not be kept on the disk.',
    (figures) => figures.unkept,
  );
  counters(
    'content_cache_damaged_total',
    'Spans that were not what they should be, by where they came from; none was served.',
    'source',
    () => sources.contentCache()?.damaged ?? {},
  );
  gauges(
    registry,
    'content_cache_bytes',
    'Bytes of content that are kept on the disk, and that may be.',
    'kind',
    () => sources.contentCache()?.bytes ?? {},
  );
}

/** Of the last collection, whichever replica ran it: the depot has its report. */
function collectionMetrics(registry: Registry, sources: MetricSources): void {
  const gauge = gaugeMaker(registry);
  gauge('collection_timestamp_seconds', 'When the last collection ended; 0 before.', async () => {
    return ((await sources.collection())?.finishedAt ?? 0) / 1000;
  });
  gauge('collection_removed_bytes', 'Bytes that the last collection removed.', async () => {
    return (await sources.collection())?.removedBytes ?? 0;
  });
  gauge('collection_damaged', 'What the last collection found lacking or damaged.', async () => {
    return (await sources.collection())?.damaged.length ?? 0;
  });
  gauges(
    registry,
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

function counterMaker(registry: Registry) {
  return (name: string, help: string, label: string | null, read: () => Sums): void => {
    new Counter({
      name: PREFIX + name,
      help,
      labelNames: label === null ? [] : [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, sum] of Object.entries(read())) {
          if (label === null) this.inc(sum);
          else this.inc({ [label]: value }, sum);
        }
      },
    });
  };
}

function gaugeMaker(registry: Registry) {
  return (
    name: string,
    help: string,
    read: () => number | Promise<number>,
    labels: Readonly<Record<string, string>> = {},
  ): void => {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: Object.keys(labels),
      registers: [registry],
      async collect() {
        this.set(labels, await read());
      },
    });
  };
}

function gauges(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Sums | Promise<Sums>,
): void {
  new Gauge({
    name: PREFIX + name,
    help,
    labelNames: [label],
    registers: [registry],
    async collect() {
      const sums = await read();
      for (const [value, number] of Object.entries(sums)) this.set({ [label]: value }, number);
    },
  });
}
