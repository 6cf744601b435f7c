import { collectDefaultMetrics, Registry } from 'prom-client';

import { contentCacheMetrics, type ContentCacheFigures } from './content-cache.metrics.js';
import { depotCareMetrics, type DepotCareSources } from './depot-care.metrics.js';
import { MetricMaker, type Sums } from './metric.maker.js';
import { replicaMetrics, type ReplicaSources } from './replica.metrics.js';
import { workMetrics, type WorkSources } from './work.metrics.js';

/** Where the numbers come from: read at each scrape, kept nowhere else. None of them may fail. */
export interface MetricSources extends DepotCareSources, ReplicaSources, WorkSources {
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
  trackerPeers(): Promise<{ readonly swarms: number; readonly peers: number } | null>;
  trackerTotals(): { readonly announces: number; readonly handedOut: number };
  artifacts(): number;
  seededTorrents(): number;
  seederConnections(): number;
  /** Bytes a second; null is no limit. */
  seederLimits(): { readonly upload: number | null; readonly download: number | null };
  webSeedRequests(): Sums;
  webSeedRunning(): number;
  /** What the cache of content from S3 did; null where content lies in a folder. */
  contentCache(): ContentCacheFigures | null;
}

/**
 * Everything `/metrics` shows. Base units, `_total` for what only grows, no label with more than a
 * handful of values: artifacts, peers and targets are the API's to show.
 */
export function originMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  const make = new MetricMaker(registry);

  make.gauges('build_info', 'Always 1; the label says which build this is.', 'version', () => ({
    [sources.version]: 1,
  }));
  ledgerMetrics(make, sources);
  make.gauges('targets', 'Machines that joined, by whether they are there.', 'state', () => ({
    ...sources.targets(),
  }));
  make.gauge('agent_event_streams', 'Agents that are connected.', () => sources.eventStreams());
  make.gauge('artifacts', 'Artifacts of all releases.', () => sources.artifacts());
  seedingMetrics(make, sources);
  contentCacheMetrics(make, () => sources.contentCache());
  replicaMetrics(make, sources);
  workMetrics(make, sources);
  depotCareMetrics(make, sources);
  trackerMetrics(make, sources);
  collectDefaultMetrics({ register: registry });
  return registry;
}

function ledgerMetrics(make: MetricMaker, sources: MetricSources): void {
  make.counters(
    'received_bytes_total',
    'Payload bytes that completed stages received, as the machines report, by where from.',
    'source',
    () => {
      const { peers, origin, reused } = sources.receivedBytes();
      return { peer: peers, origin, reuse: reused };
    },
  );
  make.counters(
    'origin_sent_bytes_total',
    'Payload bytes that origins sent, useful or not, by why.',
    'reason',
    () => sources.originSentBytes(),
  );
  make.counter('delivered_bytes_total', 'Verified bytes of completed stages.', () =>
    sources.deliveredBytes(),
  );
  make.counter('wasted_bytes_total', 'Bytes that machines received in vain.', () =>
    sources.wastedBytes(),
  );
  make.gauge('ledger_residual_bytes', 'Delivered bytes that no source accounts for.', () =>
    sources.residualBytes(),
  );
}

function seedingMetrics(make: MetricMaker, sources: MetricSources): void {
  make.gauge('seeded_torrents', 'Artifacts that this process seeds now.', () =>
    sources.seededTorrents(),
  );
  make.gauge('seeder_connections', 'Peers connected to this process.', () =>
    sources.seederConnections(),
  );
  make.gauges(
    'seeder_limit_bytes_per_second',
    'What this process may send to peers, and receive; 0 without a limit.',
    'direction',
    () => {
      const { upload, download } = sources.seederLimits();
      return { up: upload ?? 0, down: download ?? 0 };
    },
  );
  make.counters(
    'web_seed_requests_total',
    'Requests to the HTTP web seed, by how they ended.',
    'result',
    () => sources.webSeedRequests(),
  );
  make.gauge('web_seed_answers', 'Answers of the HTTP web seed under way.', () =>
    sources.webSeedRunning(),
  );
}

function trackerMetrics(make: MetricMaker, sources: MetricSources): void {
  make.gauge('tracker_swarms', 'Swarms that have peers.', async () => {
    return (await sources.trackerPeers())?.swarms ?? null;
  });
  make.gauge('tracker_peers', 'Peers in all swarms.', async () => {
    return (await sources.trackerPeers())?.peers ?? null;
  });
  make.counter('tracker_announces_total', 'Announces since the start.', () => {
    return sources.trackerTotals().announces;
  });
  make.counter('tracker_handed_out_peers_total', 'Peers handed out since the start.', () => {
    return sources.trackerTotals().handedOut;
  });
}
