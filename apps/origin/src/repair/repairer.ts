import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import type { RepairReport } from '#lib/contracts';
import { Places, type Place } from '#lib/depot';
import type { RunningJob } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';
import { HashPool } from '#lib/swarm';

import { LiveMarker } from '../collection/live-marks.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { boundedReport } from '../jobs/bounded-report.js';
import type { OriginJobs } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { Quarantine, type LostFile } from '../verification/quarantine.js';
import { VerificationRecords } from '../verification/verification.records.js';
import { Outbox } from '../webhooks/outbox.js';
import { RepairRecords } from './repair.records.js';
import { RestoredContent } from './restored-content.js';
import { SwarmFetch, type Fetched } from './swarm-fetch.js';

/** While something is lost: machines come and go. */
const EVERY_MS = 3_600_000;
const TIMEOUT_MS = 12 * 3_600_000;
const MAX_NAMED = 1000;

type Job = Pick<RunningJob<OriginJobs['repair']['data']>, 'signal' | 'progress'>;

/**
 * The repair job: what was damaged here and is still on machines is fetched from them, proven by its
 * root, and put back. May be interrupted anywhere: what is back is found, the rest is fetched again.
 */
@Injectable()
export class Repairer implements OnModuleInit {
  constructor(
    private readonly quarantine: Quarantine,
    private readonly swarm: SwarmFetch,
    private readonly restored: RestoredContent,
    private readonly marker: LiveMarker,
    private readonly verifications: VerificationRecords,
    private readonly records: RepairRecords,
    private readonly outbox: Outbox,
    private readonly recurring: RecurringJobs,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    this.recurring.register('repair', {
      run: (job) => this.run(job),
      data: {},
      everyMs: EVERY_MS,
      isNeeded: async () => !(await this.quarantine.isEmpty()),
      priority: 15,
      timeoutMs: TIMEOUT_MS,
    });
  }

  async run(job: Job): Promise<RepairReport> {
    const { signal } = job;
    const startedAt = this.clock.now();
    const { artifacts } = await this.marker.mark(signal, () => true);
    await this.quarantine.heal(artifacts, signal);
    const lost = await this.quarantine.lostFiles(artifacts, signal);
    const left = new Map(lost.map((file) => [file.root, file]));
    const repaired: string[] = [];
    const sums = { fetchedBytes: 0, keptBytes: 0 };
    const hasher = new HashPool({ threads: 1, clock: this.clock });
    const total = lost.reduce((sum, { length }) => sum + length, 0);
    let done = 0;
    const tell = (bytes: number) => job.progress({ done: done + bytes, total, step: 'fetching' });
    try {
      for (const artifact of byUse(lost)) {
        const files = [...left.values()].filter((file) => file.artifacts.includes(artifact));
        if (files.length === 0) continue;
        tell(0);
        const fetched = await this.#fetch(artifact, files, { hasher, signal, progress: tell });
        if (!fetched) continue;
        sums.fetchedBytes += fetched.fetchedBytes;
        sums.keptBytes += fetched.keptBytes;
        try {
          const places = await this.restored.put(fetched.files);
          await this.#follow(places, left);
          for (const root of places.keys()) {
            done += left.get(root)?.length ?? 0;
            left.delete(root);
            repaired.push(root);
          }
        } finally {
          await fetched.drop();
        }
      }
    } finally {
      await hasher.close();
    }
    await this.quarantine.heal(artifacts, signal);
    const report: RepairReport = {
      v: 1,
      startedAt,
      finishedAt: this.clock.now(),
      repaired: repaired.slice(0, MAX_NAMED),
      lacking: [...left.keys()].slice(0, MAX_NAMED),
      ...sums,
    };
    await this.records.write(report);
    const counts = { repaired: repaired.length, lacking: left.size };
    this.logger.info('repair finished', { ...counts, ...sums });
    return boundedReport(report, ['repaired', 'lacking']);
  }

  /** @returns null when it cannot be had now; what is wrong with one artifact keeps no other from it */
  async #fetch(
    artifact: string,
    files: readonly LostFile[],
    options: Parameters<SwarmFetch['fetch']>[2],
  ): Promise<Fetched | null> {
    try {
      return await this.swarm.fetch(artifact, files, options);
    } catch (error) {
      options.signal.throwIfAborted();
      this.logger.warn('lost content not fetched', { artifact, error });
      return null;
    }
  }

  /** All artifacts that have a file learn where it is now, and whoever was told of the loss of its end. */
  async #follow(
    places: ReadonlyMap<string, Place>,
    lost: ReadonlyMap<string, LostFile>,
  ): Promise<void> {
    const now = this.clock.now();
    const having = new Set([...places.keys()].flatMap((root) => lost.get(root)?.artifacts ?? []));
    for (const artifact of having) await this.quarantine.adopt(artifact, Places.of(places));
    await this.verifications.noteRepairs(new Set(places.keys()), now);
    for (const [root, { object }] of places) {
      await this.outbox.add('content.repaired', [object, root, now], { object, root });
    }
  }
}

/** The artifacts that have lost files, those with the most first: fewer swarms need to be joined. */
function byUse(lost: readonly LostFile[]): string[] {
  const uses = new Map<string, number>();
  for (const { artifacts } of lost) {
    for (const artifact of artifacts) uses.set(artifact, (uses.get(artifact) ?? 0) + 1);
  }
  return [...uses].sort(([, a], [, b]) => b - a).map(([artifact]) => artifact);
}
