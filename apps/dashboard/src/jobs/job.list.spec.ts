import { describe, expect, it } from 'vitest';

import type { Job } from '#lib/contracts';

import { durationOf, filteredJobs, JOB_FILTERS, kindOfJob, stateText } from './job.list.js';

function job(state: Job['state'], more: Partial<Job> = {}): Job {
  return {
    job: state,
    name: 'import',
    about: null,
    from: null,
    state,
    progress: 0,
    step: null,
    cancellable: false,
    attempts: 1,
    createdAt: 1000,
    finishedAt: null,
    result: null,
    error: null,
    ...more,
  };
}

const STATES = ['waiting', 'active', 'done', 'failed', 'cancelled'] as const;
const ERROR = { code: 'TIMED_OUT', detail: 'It took too long.' };

describe('the list of jobs', () => {
  it('shows every job under just one filter besides "all"', () => {
    const jobs = STATES.map((state) => job(state));
    const shown = JOB_FILTERS.map((filter) => filteredJobs(jobs, filter).map((each) => each.state));
    expect(shown).toEqual([STATES, ['waiting', 'active'], ['done', 'cancelled'], ['failed']]);
  });

  it('tells one that waits for another try from one that has not begun', () => {
    expect([stateText(job('waiting')), kindOfJob(job('waiting'))]).toEqual(['waiting', '']);
    const again = job('waiting', { error: ERROR });
    expect([stateText(again), kindOfJob(again)]).toEqual(['to be tried again', 'warn']);
    expect(kindOfJob(job('failed', { error: ERROR }))).toBe('bad');
  });

  it('counts time to the end, or to now', () => {
    expect(durationOf(job('active'), 4000)).toBe(3000);
    expect(durationOf(job('done', { finishedAt: 1500 }), 4000)).toBe(500);
    expect(durationOf(job('active'), 0)).toBe(0);
  });
});
