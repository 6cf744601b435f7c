import type { JobQueue, JobRun, JobView } from './job-queue.js';

/** The jobs that a queue under test must have been made for, with a concurrency of 2. */
export type TestJobs = {
  readonly add: {
    readonly data: { readonly a: number; readonly b: number };
    readonly result: number;
  };
  readonly act: { readonly data: { readonly what: string }; readonly result: string | null };
};
export const TEST_JOB_NAMES = ['add', 'act'] as const;

export interface QueueUnderTest {
  readonly queue: JobQueue<TestJobs>;
  /** What its `onRun` was told. */
  readonly runs: readonly JobRun[];
  /** What the queue holds once it is closed: the jobs as the next process finds them. */
  readonly afterClose: (id: string) => Promise<JobView | null>;
  /** Lets time pass: longer than any back-off or time-out of the suite (100 ms). */
  readonly passTime: () => Promise<void>;
  readonly dispose: () => Promise<void>;
}
