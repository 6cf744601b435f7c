import type { Redis } from 'ioredis';

import { bullIdOf, CANCELLED_FIELD, failureText } from './bull-job.codec.js';
import type { BullKeys } from './bull-keys.js';

/*
 * What BullMQ has no command for. Each is one script, so that nobody sees half of it or comes between.
 */

const FORGET_FINISHED = `
  local was = redis.call('ZREM', KEYS[1], ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1])
  if was > 0 then redis.call('DEL', KEYS[3], KEYS[3] .. ':logs') end
  return was`;

const CANCEL = `
  if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'finishedOn') == 1 then
    return 0
  end
  local taken = redis.call('LREM', KEYS[2], 1, ARGV[1])
    + redis.call('ZREM', KEYS[3], ARGV[1]) + redis.call('ZREM', KEYS[4], ARGV[1])
  if taken > 0 then
    redis.call('HSET', KEYS[1], 'finishedOn', ARGV[2], 'failedReason', ARGV[3])
    redis.call('ZADD', KEYS[5], ARGV[2], ARGV[1])
    redis.call('XADD', KEYS[6], 'MAXLEN', '~', '10000', '*', 'event', 'failed', 'jobId', ARGV[1],
      'failedReason', ARGV[3], 'prev', 'waiting')
  else
    redis.call('HSET', KEYS[1], ARGV[4], '1')
    redis.call('XADD', KEYS[6], 'MAXLEN', '~', '10000', '*', 'event', 'cancel', 'jobId', ARGV[1])
  end
  return 1`;

/** Makes room for a new job of the id, if the one there is finished. */
export async function forgetFinished(redis: Redis, keys: BullKeys, id: string): Promise<void> {
  const bullId = bullIdOf(id);
  const [completed, failed, job] = [keys.of('completed'), keys.of('failed'), keys.of(bullId)];
  await redis.eval(FORGET_FINISHED, 3, completed, failed, job, bullId);
}

/**
 * Ends a job that waits, as failed by cancellation; of one that runs it is written down and told.
 * @returns false if there is no such unfinished job
 */
export async function cancelJob(
  redis: Redis,
  keys: BullKeys,
  { id, now, message }: { readonly id: string; readonly now: number; readonly message: string },
): Promise<boolean> {
  const bullId = bullIdOf(id);
  const touched = [bullId, 'wait', 'prioritized', 'delayed', 'failed', 'events'];
  const reason = failureText({ code: 'ABORTED', message, cancelled: true });
  const answer = await redis.eval(
    CANCEL,
    touched.length,
    ...touched.map((type) => keys.of(type)),
    bullId,
    now,
    reason,
    CANCELLED_FIELD,
  );
  return answer === 1;
}
