import { randomBytes } from 'node:crypto';

import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import type { LedgerRecord, Savings, SavingsSeries } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import type { Clock, Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { SERIES_STEP_MS } from './ledger-day.document.js';
import { LedgerAccount } from './ledger.account.js';
import { LedgerKeeper } from './ledger.keeper.js';
import { LedgerStore } from './ledger.store.js';

const HOUR_MS = 3_600_000;

/** The account of bytes: fed by the origin's own doors and by what machines report. */
@Injectable()
export class LedgerService implements OnModuleInit, OnApplicationShutdown {
  // Each run writes documents of its own, so that no two of them can ever write the same one.
  readonly #account = new LedgerAccount(randomBytes(8).toString('hex'));
  readonly #keeper: LedgerKeeper;
  readonly #sources: (() => void)[] = [];

  constructor(
    @Inject(DEPOT) depot: Depot,
    private readonly artifacts: ArtifactIndexService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#keeper = new LedgerKeeper(this.#account, new LedgerStore(depot), clock, logger);
  }

  async onModuleInit(): Promise<void> {
    await this.#keeper.load();
  }

  /** After the doors are closed: what they sent until then is counted. */
  async onApplicationShutdown(): Promise<void> {
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
    const credible = records.filter((record) => this.#isCredible(reporter, record));
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

  #isCredible(reporter: string, record: LedgerRecord): boolean {
    const release = this.artifacts.index.get(record.artifact);
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
}

/** Sources may say a little more than was delivered: a piece that came twice is counted by both. */
const SLACK_BYTES = 64 * 1024 * 1024;
