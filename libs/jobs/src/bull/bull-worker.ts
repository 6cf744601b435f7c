import type { Worker } from 'bullmq';
import type { Redis } from 'ioredis';

import { backoffDelay, seldom, systemRandom, type Logger, type Random } from '#lib/runtime';

import { BULL_QUEUE } from './bull-keys.js';
import type { BullRuns } from './bull-runs.js';

export interface WorkerTuning {
  /** How many jobs this process runs at once; 2 by default. */
  readonly concurrency?: number;
  /** Delay of the first retry, doubling up to the limit; milliseconds, 1,000 and 60,000 by default. */
  readonly backoff?: { readonly startMs: number; readonly limitMs: number };
  /** After so long without a sign of life of its process a job is another’s; 15,000 by default. */
  readonly lockMs?: number;
  /** How often is looked for such jobs, and whether Redis was emptied; 5,000 by default. */
  readonly watchMs?: number;
  readonly random?: Random;
}

export interface WorkerParts {
  readonly connection: Redis;
  readonly prefix: string;
  readonly runs: BullRuns;
  readonly tuning: WorkerTuning;
  readonly logger: Logger;
}

/** A job whose process dies with it so often is not begun again. */
const STALLED_AT_MOST = 10;
/** Outcomes that Redis was not there for are written again after so long. */
const WRITE_AGAIN_MS = 1000;

/** BullMQ's worker around our runs; it takes no job before `run`. */
export function makeWorker(bull: typeof import('bullmq'), parts: WorkerParts): Worker {
  const { connection, prefix, runs, tuning, logger } = parts;
  const { concurrency = 2, lockMs = 15_000, watchMs = 5000 } = tuning;
  const { backoff = { startMs: 1000, limitMs: 60_000 }, random = systemRandom } = tuning;
  const worker = new bull.Worker(BULL_QUEUE, (job, token) => runs.process(job, token), {
    connection,
    prefix,
    autorun: false,
    concurrency,
    lockDuration: lockMs,
    lockRenewTime: Math.ceil(lockMs / 3),
    stalledInterval: watchMs,
    maxStalledCount: STALLED_AT_MOST,
    runRetryDelay: WRITE_AGAIN_MS,
    settings: {
      backoffStrategy: (attempt) => Math.ceil(backoffDelay(attempt, { ...backoff, random })),
    },
  });
  const interrupted = seldom((facts) => logger.warn('job worker interrupted', facts));
  worker.on('error', (error) => interrupted({ error }));
  worker.on('stalled', (job) => logger.warn('stalled job is begun again', { job }));
  worker.on('lockRenewalFailed', (jobs) => runs.abandon(jobs));
  worker.on('locksRenewed', ({ jobIds }) => {
    runs.heedCancellations(jobIds).catch((error: unknown) => {
      logger.debug('cancellations not read', { error });
    });
  });
  return worker;
}
