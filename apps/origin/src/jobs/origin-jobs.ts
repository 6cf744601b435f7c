import type { JobQueue } from '#lib/jobs';

/** The work that outlives a request. What is unfinished is found again in the depot, not here. */
export type OriginJobs = {
  /** Makes an artifact and a release of an upload whose bytes are all there. */
  readonly publish: {
    readonly data: { readonly upload: string };
    readonly result: { readonly artifact: string; readonly created: boolean };
  };
};

export const ORIGIN_JOB_NAMES = ['publish'] as const satisfies readonly (keyof OriginJobs)[];

export type OriginJobQueue = JobQueue<OriginJobs>;

/** Injection token of the {@link OriginJobQueue}. */
export const JOB_QUEUE = Symbol('JobQueue');
