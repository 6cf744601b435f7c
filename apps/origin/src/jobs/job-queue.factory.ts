import type { Depot } from '#lib/depot';
import { BullJobQueue, InProcessJobQueue, probeRedis } from '#lib/jobs';
import type { Clock, Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import type { JobRuns } from './job-runs.js';
import { ORIGIN_JOB_NAMES, type OriginJobQueue, type OriginJobs } from './origin-jobs.js';

/**
 * Collections, dry runs, verifications and repairs may take hours, and there is one of each, and two
 * imports: uploads do not wait for them.
 */
const JOBS_AT_ONCE = 8;

type RedisConfig = Pick<OriginConfig, 'redisUrl' | 'redisPrefix'>;

/** Whether the configured Redis can carry the queue. @throws CONFIG_INVALID that names the setting */
export async function probeQueue({ redisUrl, redisPrefix }: RedisConfig): Promise<void> {
  if (redisUrl === undefined) return;
  await probeRedis(redisUrl, { setting: 'redisUrl', prefix: redisPrefix });
}

/**
 * The queue that is configured: in Redis, or in this process. The id of the depot is a part of all
 * keys, so that services of different depots may share a Redis without doing each other's work.
 */
export async function openQueue(
  { redisUrl, redisPrefix }: RedisConfig,
  depot: Depot,
  { note: onRun }: JobRuns,
  clock: Clock,
  logger: Logger,
): Promise<OriginJobQueue> {
  const options = { names: ORIGIN_JOB_NAMES, concurrency: JOBS_AT_ONCE, onRun, clock, logger };
  if (redisUrl === undefined) return new InProcessJobQueue<OriginJobs>(options);
  const prefix = `${redisPrefix}:${depot.identity.id}`;
  return BullJobQueue.open<OriginJobs>({ ...options, url: redisUrl, prefix });
}
