import type { Job } from '#lib/contracts';

/** What somebody wants to see of the list. */
export const JOB_FILTERS = ['all', 'under way', 'finished', 'failed'] as const;
export type JobFilter = (typeof JOB_FILTERS)[number];

const STATES: Readonly<Record<Exclude<JobFilter, 'all'>, readonly Job['state'][]>> = {
  'under way': ['waiting', 'active'],
  finished: ['done', 'cancelled'],
  failed: ['failed'],
};

export function filteredJobs(jobs: readonly Job[], filter: JobFilter): readonly Job[] {
  if (filter === 'all') return jobs;
  return jobs.filter(({ state }) => STATES[filter].includes(state));
}

/** The colour of a state; a job that waits for another try is not well. */
export function kindOfJob({ state, error }: Job): 'good' | 'warn' | 'bad' | '' {
  if (state === 'failed') return 'bad';
  if (state === 'waiting' && error !== null) return 'warn';
  return state === 'active' || state === 'done' ? 'good' : '';
}

/** The state in a word. */
export function stateText({ state, error }: Job): string {
  return state === 'waiting' && error !== null ? 'to be tried again' : state;
}

/** How long it took, or has taken so far; milliseconds. */
export function durationOf({ createdAt, finishedAt }: Job, now: number): number {
  return Math.max(0, (finishedAt ?? now) - createdAt);
}
