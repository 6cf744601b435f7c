import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type VerificationReport } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import { CollectionRecords } from '../collection/collection.records.js';
import { GarbageFinder, kindOf } from '../collection/garbage.finder.js';
import { LiveMarker, type LiveMarks } from '../collection/live-marks.js';
import { Repacker } from '../collection/repacker.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { boundedReport } from '../jobs/bounded-report.js';
import type { OriginJobs } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { Outbox } from '../webhooks/outbox.js';
import { ObjectCheck } from './object-check.js';
import { Pace } from './pace.js';
import { Quarantine } from './quarantine.js';
import { VerificationRecords } from './verification.records.js';

const KINDS = ['blobs', 'packs'] as const;
const TIMEOUT_MS = 24 * 3_600_000;
/** How often is written down how far it is. */
const NOTE_EVERY_MS = 10_000;
const MAX_NAMED = 1000;
const MAX_RELEASES = 20;

type Job = Pick<RunningJob<OriginJobs['verify']['data']>, 'signal' | 'progress'>;

/**
 * The verify job: hashes everything that lies in the depot, at a bounded rate, and takes out of use
 * what is damaged. After an interruption it goes on where it was.
 */
@Injectable()
export class Verifier implements OnModuleInit {
  constructor(
    private readonly garbage: GarbageFinder,
    private readonly objects: ObjectCheck,
    private readonly quarantine: Quarantine,
    private readonly repacker: Repacker,
    private readonly marker: LiveMarker,
    private readonly collections: CollectionRecords,
    private readonly records: VerificationRecords,
    private readonly catalog: ReleaseCatalog,
    private readonly recurring: RecurringJobs,
    private readonly outbox: Outbox,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.recurring.register('verify', {
      run: (job) => this.run(job),
      data: {},
      everyMs: this.config.verificationEverySeconds * 1000,
      priority: 20,
      timeoutMs: TIMEOUT_MS,
    });
  }

  async run(job: Job): Promise<VerificationReport> {
    const { report, cursor } = await this.records.begin(this.clock.now());
    const marks = await this.marker.mark(job.signal, () => true);
    report.healed += await this.quarantine.heal(marks.artifacts, job.signal);
    const pace = new Pace(this.config.verificationBytesPerSecond, this.clock);
    const paced = async (bytes: number) => {
      const waitMs = pace.take(bytes);
      if (waitMs >= 1) await sleep(waitMs, undefined, { signal: job.signal });
    };
    let notedAt = this.clock.monotonic();
    const total = Math.max(1, marks.objects.size);
    for await (const object of this.#from(cursor)) {
      job.signal.throwIfAborted();
      await this.#verify(object, report, paced, job.signal);
      const done = Math.min(report.checkedObjects, total);
      job.progress({ done, total, step: 'hashing' });
      if (this.clock.monotonic() - notedAt < NOTE_EVERY_MS) continue;
      notedAt = this.clock.monotonic();
      await this.records.note(report, object);
    }
    report.finishedAt = this.clock.now();
    await this.records.note(report, null);
    const { damaged, unreadable, ...facts } = report;
    const counts = { damaged: damaged.length, unreadable: unreadable.length };
    this.logger.info('verification finished', { ...facts, ...counts });
    // Machines that have it may give it back.
    if (damaged.length > 0) await this.recurring.request('repair');
    return boundedReport(report, ['damaged', 'unreadable']);
  }

  /** All objects behind the cursor, in a fixed order. */
  async *#from(cursor: string | null): AsyncGenerator<string> {
    const begin = cursor === null ? 0 : KINDS.indexOf(kindOf(cursor) as (typeof KINDS)[number]);
    for (const [number, kind] of KINDS.entries()) {
      if (number < begin) continue;
      yield* this.garbage.all(kind, number === begin && cursor !== null ? cursor : undefined);
    }
  }

  async #verify(
    object: string,
    report: VerificationReport,
    pace: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const first = await this.objects.check(object, pace, signal);
      if (!first) return;
      report.checkedObjects++;
      report.checkedBytes += first.bytes;
      if (first.bad.length === 0) return;
      // Once more: what was a fault of memory or of the way is none of the disk.
      const again = await this.objects.check(object, pace, signal);
      if (again && again.bad.length > 0) await this.#damaged(object, again.bad, report, signal);
    } catch (error) {
      if (signal.aborted || !isOfTheDisk(error)) throw error;
      this.logger.error('object not readable', { object, error });
      if (report.unreadable.length < MAX_NAMED) report.unreadable.push(object);
    }
  }

  /** The good files of a damaged pack move into a new one before it is taken away. */
  async #damaged(
    object: string,
    bad: readonly string[],
    report: VerificationReport,
    signal: AbortSignal,
  ): Promise<void> {
    const marks = await this.marker.mark(signal, () => true);
    if (kindOf(object) === 'packs') {
      const condemned = await this.collections.condemned();
      await this.repacker.rescue(object, marks, condemned, signal);
    }
    await this.quarantine.take(object, bad);
    this.logger.error('damaged content taken out of use', { object, files: bad.length });
    for (const root of bad) {
      if (report.damaged.length >= MAX_NAMED) return;
      const damaged = { object, root, releases: await this.#releasesOf(root, marks) };
      report.damaged.push(damaged);
      await this.outbox.add('content.damaged', [object, root, report.startedAt], damaged);
    }
  }

  async #releasesOf(root: string, marks: LiveMarks): Promise<string[]> {
    const names: string[] = [];
    for (const artifact of await this.quarantine.artifactsWith(root, marks.artifacts)) {
      for (const { app, version } of await this.catalog.ofArtifact(artifact)) {
        if (names.length < MAX_RELEASES) names.push(`${app}@${version}`);
      }
    }
    return names;
  }
}

function isOfTheDisk(error: unknown): boolean {
  if (!(error instanceof FleetseedError)) return false;
  return ['DISK_IO', 'DEPOT_CORRUPT', 'DEPOT_INTEGRITY'].includes(error.code);
}
