/**
 * What jobs there are: name → the JSON data a job is given and the JSON it results in. Declare it as
 * a type alias (an interface has no index signature) and name the same jobs in the queue's `names`.
 */
export type JobTable = {
  readonly [name: string]: { readonly data: unknown; readonly result: unknown };
};

export type JobState = 'waiting' | 'delayed' | 'active' | 'done' | 'failed' | 'cancelled';

/** How far a job is. `done` and `total` are in the job's own unit, such as bytes or pieces. */
export interface JobProgress {
  readonly done: number;
  readonly total: number;
  /** A short constant phrase: `verifying`. */
  readonly step?: string;
}

/** A job as seen from outside: a snapshot, safe to send as JSON. */
export interface JobView<Name extends string = string, Data = unknown, Result = unknown> {
  readonly id: string;
  readonly name: Name;
  readonly data: Data;
  readonly state: JobState;
  readonly priority: number;
  /** Attempts that were begun, and how many there may be. */
  readonly attempt: number;
  readonly attempts: number;
  readonly progress: JobProgress | null;
  readonly result: Result | null;
  /** The last error, also while a retry is waiting. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** Milliseconds since the epoch. */
  readonly queuedAt: number;
  readonly finishedAt: number | null;
}

/** The view of a job of the table. With several names it is a union, told apart by `name`. */
export type JobViewOf<Table extends JobTable, Name extends keyof Table & string> = {
  [N in Name]: JobView<N, Table[N]['data'], Table[N]['result']>;
}[Name];

/** What a handler is given. */
export interface RunningJob<Data> {
  readonly id: string;
  readonly data: Data;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborts on `cancel`, on the time-out of the handler, and when `close` has waited long enough. */
  readonly signal: AbortSignal;
  progress(progress: JobProgress): void;
}

/** Throw `Unrecoverable` of `#lib/runtime` for an error that no retry can mend. */
export type JobHandler<Data, Result> = (job: RunningJob<Data>) => Promise<Result>;

export interface HandlerOptions {
  /** An attempt that takes longer is aborted and counts as failed; milliseconds, 10 minutes by default. */
  readonly timeoutMs?: number;
  /**
   * So many jobs of the name run in this process at once at most, so that a crowd of long ones leaves
   * room for others; by default as many as there is room for.
   */
  readonly atOnce?: number;
}

/** An attempt that ended in this process; `aborted` was cancelled, took too long, or was cut short by the end. */
export interface JobRun<Name extends string = string> {
  readonly name: Name;
  readonly outcome: 'done' | 'failed' | 'aborted';
  readonly ms: number;
}

export interface EnqueueOptions {
  /** While a job of this id is unfinished, enqueueing it again gives that job. Random by default. */
  readonly id?: string;
  /** From 0 (first, the default) to 1,000,000; first come, first served among equals. */
  readonly priority?: number;
  /** How often it is tried in all; 3 by default. Retries wait with a doubling back-off. */
  readonly attempts?: number;
}

export type JobEventType =
  | 'queued'
  | 'started'
  | 'progress'
  | 'retrying'
  | 'done'
  | 'failed'
  | 'cancelled';

export interface JobEvent<View = JobView> {
  readonly type: JobEventType;
  readonly job: View;
}

export const UNFINISHED_STATES = ['waiting', 'delayed', 'active'] as const;
export type UnfinishedState = (typeof UNFINISHED_STATES)[number];

/** How many jobs there are that have not ended, by name and state; every name of the table is there. */
export type JobCounts<Name extends string = string> = Readonly<
  Record<Name, Readonly<Record<UnfinishedState, number>>>
>;

/**
 * The queue of work that outlives a request.
 *
 * - Job data and results are JSON and are handed over as copies; nothing else crosses the queue.
 * - Every name of the table has one handler before `start`, or `start` fails (CONFIG_INVALID).
 * - A job runs at least once, and on one worker at a time unless the queue was lost; handlers are
 *   idempotent. A job whose process ended is begun again, by another one where there are several.
 * - **The queue is not the truth.** It may be lost (a restart, an emptied Redis); whoever enqueues
 *   keeps in the depot what is unfinished and enqueues it again at start and after `onLoss`, under
 *   the same id.
 * - Calls may throw QUEUE_UNREACHABLE; what was asked for may then have been done or not.
 * - Handlers heed their signal: the next attempt, and the end of `close`, wait for them.
 * - Finished jobs are remembered for a while, a bounded number of them.
 */
export interface JobQueue<Table extends JobTable> {
  /** @throws CONFIG_INVALID for a name that is not of the table or has a handler already. */
  register<Name extends keyof Table & string>(
    name: Name,
    handler: JobHandler<Table[Name]['data'], Table[Name]['result']>,
    options?: HandlerOptions,
  ): void;
  /** Begins to run jobs; those enqueued before wait for it. */
  start(): Promise<void>;

  /** @throws REQUEST_INVALID for data that is no JSON or too large; SHUTTING_DOWN after `close`. */
  enqueue<Name extends keyof Table & string>(
    name: Name,
    data: Table[Name]['data'],
    options?: EnqueueOptions,
  ): Promise<JobViewOf<Table, Name>>;
  get(id: string): Promise<JobViewOf<Table, keyof Table & string> | null>;
  /** In the order of enqueueing, newest first. */
  list(filter?: {
    readonly name?: keyof Table & string;
    readonly state?: JobState;
    readonly limit?: number;
  }): Promise<JobViewOf<Table, keyof Table & string>[]>;
  /** Beyond 10,000 jobs of one state the rest may be left out. */
  counts(): Promise<JobCounts<keyof Table & string>>;
  /**
   * Takes a waiting job out, or aborts the signal of a running one, which then ends as
   * `cancelled`, unless its handler finishes all the same.
   * @returns false if there is no such unfinished job.
   */
  cancel(id: string): Promise<boolean>;
  /**
   * Resolves once the job is done, failed or cancelled.
   * @throws JOB_NOT_FOUND, also if the job is lost while it is waited for; SHUTTING_DOWN if the
   *   queue closes before; or the signal's reason.
   */
  finished(id: string, signal?: AbortSignal): Promise<JobViewOf<Table, keyof Table & string>>;
  /** Events of all processes that share the queue. @returns what ends the subscription. */
  subscribe(
    listener: (event: JobEvent<JobViewOf<Table, keyof Table & string>>) => void,
  ): () => void;

  /**
   * `listener` is called when jobs may have been lost, or could not be enqueued for a while: the time
   * to enqueue again what is unfinished. @returns what ends this.
   */
  onLoss(listener: () => void): () => void;

  /**
   * Starts no further jobs, gives running ones `deadlineMs` to end (5,000 by default), then aborts
   * their signals and waits `graceMs` more (1,000). What was cut short is unfinished, not failed.
   * Calls from now on may throw SHUTTING_DOWN.
   */
  close(options?: { readonly deadlineMs?: number; readonly graceMs?: number }): Promise<void>;
}
