import type { CollectionReport, RepairReport, VerificationReport } from '#lib/contracts';
import type { JobQueue } from '#lib/jobs';

/** What a job is about, as `app@version`, for people. */
interface About {
  readonly about?: string;
}

/** The work that outlives a request. What is unfinished is found again in the depot, not here. */
export type OriginJobs = {
  /** Makes an artifact and a release of an upload whose bytes are all there. */
  readonly publish: {
    readonly data: { readonly upload: string } & About;
    readonly result: { readonly artifact: string; readonly created: boolean };
  };
  /** Makes a release of what it fetches from somewhere else. */
  readonly import: {
    readonly data: {
      readonly import: string;
      readonly run: number;
      /** The source as it may be shown. */
      readonly from?: string;
    } & About;
    readonly result: { readonly artifact: string; readonly created: boolean };
  };
  /** Removes from the depot what no release needs any more. */
  readonly collect: {
    readonly data: { readonly dryRun: boolean };
    readonly result: CollectionReport;
  };
  /** Hashes what lies in the depot, and takes out of use what is damaged. */
  readonly verify: {
    readonly data: Readonly<Record<string, never>>;
    readonly result: VerificationReport;
  };
  /** Brings back from machines what was lost here. */
  readonly repair: {
    readonly data: Readonly<Record<string, never>>;
    readonly result: RepairReport;
  };
  /** Tells the receiver of webhooks what has happened; null if there is nothing to tell any more. */
  readonly notify: {
    readonly data: { readonly notification: string };
    readonly result: { readonly status: number | null };
  };
};

export const ORIGIN_JOB_NAMES = [
  'publish',
  'import',
  'collect',
  'verify',
  'repair',
  'notify',
] as const satisfies readonly (keyof OriginJobs)[];

export type OriginJobQueue = JobQueue<OriginJobs>;

/** Injection token of the {@link OriginJobQueue}. */
export const JOB_QUEUE = Symbol('JobQueue');
