import { Inject, Injectable } from '@nestjs/common';

import { ORIGIN_ROLES } from '#lib/contracts';
import { productVersion, type Clock } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import { CollectionRecords } from '../collection/collection.records.js';
import { CLOCK } from '../config/start-context.js';
import { ContentCache } from '../content-cache/content-cache.js';
import { ImportCounters } from '../imports/import.counters.js';
import { JobRuns } from '../jobs/job-runs.js';
import { JOB_QUEUE, type OriginJobQueue } from '../jobs/origin-jobs.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { RepairRecords } from '../repair/repair.records.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { SeederService } from '../seeder/seeder.service.js';
import { AgentStreams } from '../targets/agent.streams.js';
import { Presence } from '../targets/presence.js';
import { TargetRegistry } from '../targets/target.registry.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { OpenedPeerStore } from '../tracker/opened-peer-store.js';
import { VerificationRecords } from '../verification/verification.records.js';
import { WebSeedBudget } from '../web-seed/web-seed.budget.js';
import { WebSeedCounters } from '../web-seed/web-seed.counters.js';
import { Lately } from './lately.js';
import type { MetricSources } from './origin-metrics.js';

/** A scrape waits for nobody longer than this, ms: who scrapes gives up after ten seconds. */
const PATIENCE_MS = 2000;
/** Reports are a request to the bucket each, and change once a day. */
const REPORTS_GOOD_FOR_MS = 10_000;
const COUNTS_GOOD_FOR_MS = 1000;

/** The numbers of all features. Of whoever does not answer the last ones are shown, or none. */
@Injectable()
export class GatheredSources implements MetricSources {
  readonly version = productVersion();
  readonly #jobs;
  readonly #peers;
  readonly #collection;
  readonly #verification;
  readonly #repair;

  constructor(
    private readonly ledger: LedgerService,
    @Inject(TargetRegistry) private readonly registry: TargetRegistry,
    private readonly presence: Presence,
    private readonly streams: AgentStreams,
    @Inject(Tracker) private readonly tracker: Tracker,
    @Inject(OpenedPeerStore) private readonly peerStore: OpenedPeerStore,
    private readonly index: ArtifactIndexService,
    private readonly seeder: SeederService,
    @Inject(ContentCache) private readonly cache: ContentCache,
    private readonly webSeed: WebSeedCounters,
    @Inject(WebSeedBudget) private readonly webSeedBudget: WebSeedBudget,
    @Inject(ReplicaBoard) private readonly board: ReplicaBoard,
    @Inject(ReplicaPost) private readonly post: ReplicaPost,
    @Inject(JobRuns) private readonly runs: JobRuns,
    private readonly importCounters: ImportCounters,
    @Inject(JOB_QUEUE) queue: OriginJobQueue,
    collections: CollectionRecords,
    verifications: VerificationRecords,
    repairs: RepairRecords,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const counts = { clock, goodForMs: COUNTS_GOOD_FOR_MS, patienceMs: PATIENCE_MS };
    const reports = { ...counts, goodForMs: REPORTS_GOOD_FOR_MS };
    this.#jobs = new Lately(() => queue.counts(), counts);
    this.#peers = new Lately(() => tracker.stats(), counts);
    this.#collection = new Lately(() => collections.report(), reports);
    this.#verification = new Lately(() => verifications.report(), reports);
    this.#repair = new Lately(() => repairs.report(), reports);
  }

  receivedBytes = () => this.ledger.received();
  deliveredBytes = () => this.ledger.total().delivered;
  wastedBytes = () => this.ledger.total().wasted;
  residualBytes = () => this.ledger.total().residual;
  originSentBytes = () => this.ledger.total().originByReason;
  eventStreams = () => this.streams.targets().length;
  trackerPeers = () => this.#peers.get();
  trackerTotals = () => this.tracker.totals;
  artifacts = () => this.index.index.size;
  seededTorrents = () => this.seeder.activeCount;
  seederConnections = () => this.seeder.connectionCount;
  seederLimits = () => this.seeder.limits;
  webSeedRequests = () => this.webSeed.requests;
  webSeedRunning = () => this.webSeedBudget.running;
  contentCache = () => this.cache.figures;
  jobRuns = () => this.runs.rows;
  imports = () => this.importCounters;
  collection = () => this.#collection.get();
  verification = () => this.#verification.get();
  repair = () => this.#repair.get();

  targets() {
    const online = this.presence.onlineCount(this.clock.now());
    return { online, offline: Math.max(0, this.registry.size - online) };
  }

  replicas() {
    const alive = this.board.alive();
    const withRole = (role: string) => alive.filter(({ roles }) => roles.includes(role)).length;
    return {
      alive: alive.length,
      byRole: Object.fromEntries(ORIGIN_ROLES.map((role) => [role, withRole(role)])),
      longestSilenceMs: this.board.longestSilence,
    };
  }

  bus() {
    if (this.post.isLonely) return null;
    const { messages, looks } = this.post.counters;
    return { isUp: this.post.isUp, messages: { ...messages }, looks: { ...looks } };
  }

  /** What is old is not shown: a queue that does not answer may have other jobs by now. */
  async jobs() {
    const counts = await this.#jobs.get();
    return this.#jobs.answers ? counts : null;
  }

  /** Each use has connections of its own, so one may be cut off while the others are not. */
  async redis(): Promise<Record<string, number>> {
    if (this.post.isLonely) return {};
    await this.#jobs.get();
    return {
      bus: Number(this.post.isUp),
      jobs: Number(this.#jobs.answers),
      tracker: Number(this.peerStore.isShared ?? false),
    };
  }
}
