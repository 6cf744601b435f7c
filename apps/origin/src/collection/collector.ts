import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import type { CollectionReport } from '#lib/contracts';
import type { RunningJob } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { boundedReport } from '../jobs/bounded-report.js';
import type { OriginJobs } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { CollectionWindow } from './collection-window.js';
import { CollectionRecords } from './collection.records.js';
import { judge } from './condemned.js';
import { GarbageFinder, KINDS, kindOf } from './garbage.finder.js';
import { LiveMarker, type LiveMarks } from './live-marks.js';
import { Repacker } from './repacker.js';
import { Retention } from './retention.js';
import { Sweeper } from './sweeper.js';

/** How many things are condemned at a time at most: their list is one document. */
const MAX_CONDEMNED = 200_000;
/** A report is the result of a job and must stay small. */
const MAX_NAMED = 1000;
const MAX_DAMAGED = 100;
const TIMEOUT_MS = 12 * 3_600_000;

type Data = OriginJobs['collect']['data'];

/**
 * The collect job: retention, then mark and sweep in two phases. What nothing needs is condemned; what
 * is still not needed after the grace, which is longer than any upload lives, is removed. Done again
 * from the start after an interruption; nothing is removed on the strength of an earlier run's look.
 */
@Injectable()
export class Collector implements OnModuleInit {
  constructor(
    private readonly retention: Retention,
    private readonly marker: LiveMarker,
    private readonly garbage: GarbageFinder,
    private readonly window: CollectionWindow,
    private readonly sweeper: Sweeper,
    private readonly repacker: Repacker,
    private readonly records: CollectionRecords,
    private readonly recurring: RecurringJobs,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.recurring.register('collect', {
      run: (job) => this.run(job),
      data: { dryRun: false },
      everyMs: this.config.collectionEverySeconds * 1000,
      priority: 10,
      timeoutMs: TIMEOUT_MS,
    });
  }

  async run(
    job: Pick<RunningJob<Data>, 'data' | 'signal' | 'progress'>,
  ): Promise<CollectionReport> {
    const { signal } = job;
    const { dryRun } = job.data;
    const step = (done: number, what: string) => job.progress({ done, total: 5, step: what });
    const startedAt = this.clock.now();
    const collection = dryRun ? '' : await this.window.begin();
    step(0, 'applying retention');
    const { retired, restored } = await this.retention.apply(dryRun, signal);
    step(1, 'marking what is needed');
    const kept = (retiredAt: number) => retiredAt + this.#graceMs > startedAt;
    const marks = await this.marker.mark(signal, kept);
    step(2, 'finding garbage');
    const report: CollectionReport = {
      v: 1,
      dryRun,
      startedAt,
      finishedAt: startedAt,
      retired: retired.slice(0, MAX_NAMED),
      restored: restored.slice(0, MAX_NAMED),
      artifacts: { live: 0, condemned: 0, removed: 0 },
      packs: { live: 0, condemned: 0, removed: 0 },
      blobs: { live: 0, condemned: 0, removed: 0 },
      removedBytes: 0,
      repackedPacks: 0,
      repackedBytes: 0,
      damaged: [...marks.lacking],
    };
    const due = await this.#judge(marks, report, dryRun, signal);
    const removed = (thing: string, bytes: number) => {
      report[kindOf(thing)].removed++;
      report.removedBytes += bytes;
    };
    step(3, 'removing garbage');
    if (dryRun) for (const thing of due) removed(thing, await this.garbage.bytesOf(thing));
    else {
      const lookAgain = () => this.marker.mark(signal, kept, marks.artifacts);
      await this.sweeper.sweep(due, { collection, signal, lookAgain, removed });
    }
    step(4, 'repacking');
    const { packs, bytes, damaged } = await this.repacker.repack(marks, {
      condemned: await this.records.condemned(),
      dryRun,
      signal,
      assertUnderWay: () => this.window.assertUnderWay(collection),
    });
    report.repackedPacks = packs;
    report.repackedBytes = bytes;
    report.damaged = [...report.damaged, ...damaged].slice(0, MAX_DAMAGED);
    report.finishedAt = this.clock.now();
    if (!dryRun) await this.records.writeReport(report);
    this.logger.info('collection finished', { ...report, damaged: report.damaged.length });
    step(5, 'done');
    return boundedReport(report, ['retired', 'restored', 'damaged']);
  }

  /** Finds what nothing needs and writes down since when; counts both into the report. */
  async #judge(
    marks: LiveMarks,
    report: CollectionReport,
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const garbage: string[] = [];
    for (const kind of KINDS) {
      for await (const thing of this.garbage.all(kind)) {
        signal.throwIfAborted();
        if (this.garbage.isLive(thing, marks)) report[kind].live++;
        else garbage.push(thing);
      }
    }
    const { condemned, due } = judge(garbage, await this.records.condemned(), {
      now: this.clock.now(),
      graceMs: this.#graceMs,
      limit: MAX_CONDEMNED,
    });
    const isDue = new Set(due);
    for (const thing of garbage) if (!isDue.has(thing)) report[kindOf(thing)].condemned++;
    if (!dryRun) await this.records.writeCondemned(condemned);
    return due;
  }

  get #graceMs(): number {
    return this.config.collectionGraceSeconds * 1000;
  }
}
