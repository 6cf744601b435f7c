import { setTimeout as sleep } from 'node:timers/promises';

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type VerificationReport } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import { GarbageFinder, kindOf } from '../collection/garbage.finder.js';
import { LiveMarker } from '../collection/live-marks.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { boundedReport } from '../jobs/bounded-report.js';
import type { OriginJobs } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { ObjectCheck } from './object-check.js';
import { Pace } from './pace.js';
import { Quarantine } from './quarantine.js';
import { VerificationRecords } from './verification.records.js';
import { Withdrawal, type DamagedObject } from './withdrawal.js';

const KINDS = ['blobs', 'packs'] as const;
const TIMEOUT_MS = 24 * 3_600_000;
/** How often damaged content is taken out of use, and is written down how far it is. */
const NOTE_EVERY_MS = 10_000;
const MAX_NAMED = 1000;

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
    private readonly withdrawal: Withdrawal,
    private readonly marker: LiveMarker,
    private readonly records: VerificationRecords,
    private readonly recurring: RecurringJobs,
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
    const { signal } = job;
    const guard = (object: string, step: () => Promise<void>) =>
      this.#unlessUnreadable(object, report, signal, step);
    let found: DamagedObject[] = [];
    const withdraw = async () => {
      await this.withdrawal.take(found, { report, signal, guard });
      found = [];
    };
    let notedAt = this.clock.monotonic();
    const total = Math.max(1, marks.objects.size);
    for await (const object of this.#from(cursor)) {
      signal.throwIfAborted();
      await guard(object, async () => {
        const bad = await this.#verify(object, report, paced, signal);
        if (bad.length > 0) found.push({ object, bad });
      });
      const done = Math.min(report.checkedObjects, total);
      job.progress({ done, total, step: 'hashing' });
      if (this.clock.monotonic() - notedAt < NOTE_EVERY_MS) continue;
      // What was found before the noted object is dealt with, or would not be found again.
      await withdraw();
      notedAt = this.clock.monotonic();
      await this.records.note(report, object);
    }
    await withdraw();
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

  /** @returns the roots of the files in it that are damaged */
  async #verify(
    object: string,
    report: VerificationReport,
    pace: (bytes: number) => Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const first = await this.objects.check(object, pace, signal);
    if (!first) return [];
    report.checkedObjects++;
    report.checkedBytes += first.bytes;
    if (first.bad.length === 0) return [];
    // Once more: what was a fault of memory or of the way is none of the disk.
    return (await this.objects.check(object, pace, signal))?.bad ?? [];
  }

  /** What cannot be read at all is reported, and left alone. */
  async #unlessUnreadable(
    object: string,
    report: VerificationReport,
    signal: AbortSignal,
    step: () => Promise<void>,
  ): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (signal.aborted || !isOfTheDisk(error)) throw error;
      this.logger.error('object not readable', { object, error });
      if (report.unreadable.length < MAX_NAMED) report.unreadable.push(object);
    }
  }
}

function isOfTheDisk(error: unknown): boolean {
  if (!(error instanceof FleetseedError)) return false;
  return ['DISK_IO', 'DEPOT_CORRUPT', 'DEPOT_INTEGRITY'].includes(error.code);
}
