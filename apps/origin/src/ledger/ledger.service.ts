import { randomBytes } from 'node:crypto';

import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import {
  FleetseedError,
  type LedgerRecord,
  type Release,
  type Savings,
  type SavingsSeries,
} from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { systemRandom, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { SERIES_STEP_MS } from './ledger-day.document.js';
import { LedgerAccount } from './ledger.account.js';
import { LedgerKeeper } from './ledger.keeper.js';
import { LedgerNews } from './ledger.news.js';
import { LedgerStore } from './ledger.store.js';

const HOUR_MS = 3_600_000;

/** The account of bytes: fed by the origin's own doors and by what machines report. */
@Injectable()
export class LedgerService implements OnModuleInit, OnApplicationShutdown {
  readonly #account: LedgerAccount;
  readonly #keeper: LedgerKeeper;
  readonly #news: LedgerNews;
  readonly #sources: (() => void)[] = [];

  constructor(
    @Inject(DEPOT) depot: Depot,
    private readonly artifacts: ArtifactIndexService,
    post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // Each run writes documents of its own, so that no two of them can ever write the same one.
    this.#account = new LedgerAccount(randomBytes(8).toString('hex'), !post.isLonely);
    const store = new LedgerStore(depot);
    const written = (name: string) => this.#news.written(name);
    this.#keeper = new LedgerKeeper(this.#account, store, clock, logger, written);
    const parts = { post, keeper: this.#keeper, clock, random: systemRandom, logger };
    this.#news = new LedgerNews(parts);
  }

  async onModuleInit(): Promise<void> {
    await this.#keeper.load();
    this.#news.begin();
  }

  /** After the doors are closed: what they sent until then is counted. */
  async onApplicationShutdown(): Promise<void> {
    await this.#news.end();
    await this.#keeper.close();
  }

  /** Somebody who counts late is asked to count what there is before numbers are shown. */
  addSource(count: () => void): void {
    this.#sources.push(count);
  }

  /** Has everything counted that was sent until now. */
  settle(): void {
    for (const count of this.#sources) count();
  }

  /** Counts payload bytes that this process sent: at once on the page, within 10 s in the depot. */
  countOrigin(artifact: string, reason: string, bytes: number): void {
    this.#keeper.countOrigin(artifact, reason, bytes);
  }

  /**
   * Takes records of one reporter. What cannot be true is logged and left out, but acknowledged with
   * the others: sent again it would not become true.
   * @returns the highest sequence of the records, all of which are durable now; 0 without records.
   */
  async record(reporter: string, records: readonly LedgerRecord[]): Promise<number> {
    if (records.length === 0) return 0;
    const credible: LedgerRecord[] = [];
    for (const record of records) {
      if (await this.#isCredible(reporter, record)) credible.push(record);
    }
    await this.#keeper.record(reporter, credible);
    return Math.max(...records.map(({ sequence }) => sequence));
  }

  total(): ReturnType<LedgerAccount['total']> {
    this.settle();
    return this.#account.total();
  }

  /** Payload bytes of completed stages by where they came from, as the machines say. */
  received(): { peers: number; origin: number; reused: number } {
    const { delivered, peers, reused, residual } = this.#account.total();
    return { peers, reused, origin: delivered - peers - reused - residual };
  }

  /** All payload bytes of the artifact that origins sent, as of the last `settle`. */
  originBytes(artifact: string): number {
    return this.#account.artifact(artifact).line.origin;
  }

  /** Artifacts that anything was counted for. */
  artifactsCounted(): string[] {
    return this.#account.artifacts();
  }

  savings(): Savings {
    this.settle();
    const artifacts = this.#account.artifacts().map((artifact) => {
      const { line, stages } = this.#account.artifact(artifact);
      const release = this.artifacts.index.get(artifact);
      const { app = null, version = null, bytes = 0 } = release ?? {};
      return { ...line, artifact, app, version, bytes, stages };
    });
    return { ...this.#account.total(), artifacts };
  }

  /** Every step of the last `hours`, also those in which nothing moved. */
  series(hours: number): SavingsSeries {
    const last = Math.floor(this.clock.now() / SERIES_STEP_MS) * SERIES_STEP_MS;
    const first = last - hours * HOUR_MS + SERIES_STEP_MS;
    const counted = new Map(this.#account.series(first).map((point) => [point.at, point]));
    const points: SavingsSeries['points'] = [];
    for (let at = first; at <= last; at += SERIES_STEP_MS) {
      points.push(counted.get(at) ?? { at, delivered: 0, origin: 0, peers: 0, reused: 0 });
    }
    return { stepMs: SERIES_STEP_MS, points };
  }

  async #isCredible(reporter: string, record: LedgerRecord): Promise<boolean> {
    const release = await this.#releaseOf(record.artifact);
    const most = release?.bytes ?? 0;
    const credible =
      release !== null &&
      record.delivered <= most &&
      record.fromPeers + record.reused + record.fromOrigin <= most * 2 + SLACK_BYTES;
    if (!credible) {
      const { session, sequence, artifact, delivered } = record;
      const facts = { reporter, session, sequence, artifact, delivered, known: release !== null };
      this.logger.warn('ledger record left out', facts);
    }
    return credible;
  }

  /** Another replica may have published it without being heard. */
  async #releaseOf(artifact: string): Promise<Release | null> {
    try {
      return await this.artifacts.get(artifact);
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'ARTIFACT_NOT_FOUND') return null;
      throw error;
    }
  }
}

/** Sources may say a little more than was delivered: a piece that came twice is counted by both. */
const SLACK_BYTES = 64 * 1024 * 1024;
