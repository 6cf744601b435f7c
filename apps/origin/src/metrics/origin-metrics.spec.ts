import { describe, expect, it } from 'vitest';

import { originMetrics, type MetricSources } from './origin-metrics.js';

const sources: MetricSources = {
  version: '1.2.3',
  receivedBytes: () => ({ peers: 70, origin: 20, reused: 0 }),
  deliveredBytes: () => 100,
  wastedBytes: () => 3,
  residualBytes: () => -10,
  originSentBytes: () => ({ first: 25, rare: 0, 'web-seed': 0 }),
  targets: () => ({ online: 2, offline: 1 }),
  eventStreams: () => 2,
  trackerPeers: async () => ({ swarms: 1, peers: 4 }),
  trackerTotals: () => ({ announces: 9, handedOut: 12 }),
  artifacts: () => 3,
  seededTorrents: () => 1,
  seederConnections: () => 4,
  seederLimits: () => ({ upload: 20_000_000, download: null }),
  webSeedRequests: () => ({ served: 0, busy: 0, refused: 0 }),
  webSeedRunning: () => 0,
  contentCache: () => ({
    reads: { memory: 5, disk: 3, shared: 0, store: 1, failed: 0 },
    fetchedBytes: 4_194_304,
    evictions: 2,
    unkept: 0,
    damaged: { disk: 0, store: 0 },
    bytes: { used: 4_198_400, limit: 10_000_000_000 },
  }),
  replicas: () => ({ alive: 3, byRole: { api: 2, seed: 3 }, longestSilenceMs: 1500 }),
  bus: () => ({
    isUp: true,
    messages: { sent: 7, dropped: 0, received: 9, refused: 0 },
    looks: { done: 4, failed: 0 },
  }),
  redis: async () => ({ bus: 1, jobs: 0 }),
  jobs: async () => ({ import: { waiting: 2, delayed: 0, active: 1 } }),
  jobRuns: () => [{ name: 'import', outcome: 'done', runs: 2, seconds: 1.5 }],
  imports: () => ({ bytes: 1000, breaks: 1 }),
  collection: async () => null,
  verification: async () => null,
  repair: async () => null,
};

async function linesOf(from: MetricSources): Promise<string[]> {
  const text = await originMetrics(from).metrics();
  return text.split('\n').filter((line) => line.startsWith('fleetseed_'));
}

describe('originMetrics', () => {
  it('shows every known label value, also those at nothing', async () => {
    expect(await linesOf(sources)).toEqual([
      'fleetseed_build_info{version="1.2.3"} 1',
      'fleetseed_received_bytes_total{source="peer"} 70',
      'fleetseed_received_bytes_total{source="origin"} 20',
      'fleetseed_received_bytes_total{source="reuse"} 0',
      'fleetseed_origin_sent_bytes_total{reason="first"} 25',
      'fleetseed_origin_sent_bytes_total{reason="rare"} 0',
      'fleetseed_origin_sent_bytes_total{reason="web-seed"} 0',
      'fleetseed_delivered_bytes_total 100',
      'fleetseed_wasted_bytes_total 3',
      'fleetseed_ledger_residual_bytes -10',
      'fleetseed_targets{state="online"} 2',
      'fleetseed_targets{state="offline"} 1',
      'fleetseed_agent_event_streams 2',
      'fleetseed_artifacts 3',
      'fleetseed_seeded_torrents 1',
      'fleetseed_seeder_connections 4',
      'fleetseed_seeder_limit_bytes_per_second{direction="up"} 20000000',
      'fleetseed_seeder_limit_bytes_per_second{direction="down"} 0',
      'fleetseed_web_seed_requests_total{result="served"} 0',
      'fleetseed_web_seed_requests_total{result="busy"} 0',
      'fleetseed_web_seed_requests_total{result="refused"} 0',
      'fleetseed_web_seed_answers 0',
      'fleetseed_content_cache_reads_total{result="memory"} 5',
      'fleetseed_content_cache_reads_total{result="disk"} 3',
      'fleetseed_content_cache_reads_total{result="shared"} 0',
      'fleetseed_content_cache_reads_total{result="store"} 1',
      'fleetseed_content_cache_reads_total{result="failed"} 0',
      'fleetseed_content_cache_fetched_bytes_total 4194304',
      'fleetseed_content_cache_evictions_total 2',
      'fleetseed_content_cache_unkept_total 0',
      'fleetseed_content_cache_damaged_total{source="disk"} 0',
      'fleetseed_content_cache_damaged_total{source="store"} 0',
      'fleetseed_content_cache_bytes{kind="used"} 4198400',
      'fleetseed_content_cache_bytes{kind="limit"} 10000000000',
      'fleetseed_replicas 3',
      'fleetseed_replicas_with_role{role="api"} 2',
      'fleetseed_replicas_with_role{role="seed"} 3',
      'fleetseed_replica_silence_seconds 1.5',
      'fleetseed_replica_bus_up 1',
      'fleetseed_replica_messages_total{result="sent"} 7',
      'fleetseed_replica_messages_total{result="dropped"} 0',
      'fleetseed_replica_messages_total{result="received"} 9',
      'fleetseed_replica_messages_total{result="refused"} 0',
      'fleetseed_replica_looks_total{result="done"} 4',
      'fleetseed_replica_looks_total{result="failed"} 0',
      'fleetseed_redis_up{use="bus"} 1',
      'fleetseed_redis_up{use="jobs"} 0',
      'fleetseed_jobs{name="import",state="waiting"} 2',
      'fleetseed_jobs{name="import",state="delayed"} 0',
      'fleetseed_jobs{name="import",state="active"} 1',
      'fleetseed_job_runs_total{name="import",outcome="done"} 2',
      'fleetseed_job_run_seconds_total{name="import",outcome="done"} 1.5',
      'fleetseed_import_fetched_bytes_total 1000',
      'fleetseed_import_breaks_total 1',
      'fleetseed_collection_timestamp_seconds 0',
      'fleetseed_collection_removed_bytes 0',
      'fleetseed_collection_damaged 0',
      'fleetseed_verification_timestamp_seconds 0',
      'fleetseed_verification_damaged 0',
      'fleetseed_verification_unrepaired 0',
      'fleetseed_repair_timestamp_seconds 0',
      'fleetseed_repair_files{outcome="repaired"} 0',
      'fleetseed_repair_files{outcome="lacking"} 0',
      'fleetseed_tracker_swarms 1',
      'fleetseed_tracker_peers 4',
      'fleetseed_tracker_announces_total 9',
      'fleetseed_tracker_handed_out_peers_total 12',
    ]);
  });

  it('shows nothing of what is not there, and other numbers all the same', async () => {
    const alone: MetricSources = {
      ...sources,
      bus: () => null,
      redis: async () => ({}),
      jobs: async () => null,
      contentCache: () => null,
      trackerPeers: async () => null,
    };
    const lines = await linesOf(alone);
    const absent = /^fleetseed_(?:replica_bus|replica_m|redis|jobs|content_cache|tracker_peers)/;
    expect(lines.filter((line) => absent.test(line))).toEqual([]);
    expect(lines).toContain('fleetseed_tracker_announces_total 9');
  });

  it('counts what was counted, however often it is scraped', async () => {
    const registry = originMetrics(sources);
    await registry.metrics();
    expect(await registry.metrics()).toContain('fleetseed_delivered_bytes_total 100\n');
  });
});
