import type { JobCounts } from '#lib/jobs';

import type { MetricMaker, Row } from './metric.maker.js';

export interface WorkSources {
  /** Of all replicas, by name and state; null while the queue does not answer. */
  jobs(): Promise<JobCounts | null>;
  /** Attempts that ended in this process. */
  jobRuns(): readonly {
    readonly name: string;
    readonly outcome: string;
    readonly runs: number;
    readonly seconds: number;
  }[];
  /** What imports fetched in this process, and how often a source broke off. */
  imports(): { readonly bytes: number; readonly breaks: number };
}

export function workMetrics(make: MetricMaker, sources: WorkSources): void {
  make.gaugeTable(
    'jobs',
    'Jobs of all replicas that have not ended, by name and state.',
    ['name', 'state'],
    async () => {
      return Object.entries((await sources.jobs()) ?? {}).flatMap(([name, states]) =>
        Object.entries(states).map(([state, count]): Row => [name, state, count]),
      );
    },
  );
  make.counterTable(
    'job_runs_total',
    'Attempts at jobs that ended in this process, by outcome.',
    ['name', 'outcome'],
    () => sources.jobRuns().map(({ name, outcome, runs }): Row => [name, outcome, runs]),
  );
  make.counterTable(
    'job_run_seconds_total',
    'Time that attempts at jobs took in this process, by outcome.',
    ['name', 'outcome'],
    () => sources.jobRuns().map(({ name, outcome, seconds }): Row => [name, outcome, seconds]),
  );
  make.counter('import_fetched_bytes_total', 'Bytes that imports fetched in this process.', () => {
    return sources.imports().bytes;
  });
  make.counter(
    'import_breaks_total',
    'Sources of imports that broke off and were asked again.',
    () => {
      return sources.imports().breaks;
    },
  );
}
