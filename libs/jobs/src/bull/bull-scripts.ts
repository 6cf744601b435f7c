import type { Redis } from 'ioredis';

import type { UnfinishedState } from '../job-queue.js';
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

/** Where BullMQ has jobs that have not ended, and what that means to us. */
const PLACES = [
  ['wait', 'waiting'],
  ['prioritized', 'waiting'],
  ['delayed', 'delayed'],
  ['active', 'active'],
] as const;
/** No more than this of each place are counted, as nothing else is answered meanwhile. */
const MOST_COUNTED = 10_000;

const COUNT = `
  local function countIn(place)
    local key, ids, names = KEYS[1] .. place, nil, {}
    if redis.call('TYPE', key).ok == 'zset' then ids = redis.call('ZRANGE', key, 0, ARGV[1] - 1)
    else ids = redis.call('LRANGE', key, 0, ARGV[1] - 1) end
    for _, id in ipairs(ids) do
      local name = redis.call('HGET', KEYS[1] .. id, 'name')
      if name then names[name] = (names[name] or 0) + 1 end
    end
    return cjson.encode(names)
  end
  local found = {}
  for index = 2, #ARGV do found[index - 1] = countIn(ARGV[index]) end
  return found`;

/** Counts jobs that have not ended: name, state, how many. */
export async function countUnfinished(
  redis: Redis,
  keys: BullKeys,
): Promise<[name: string, state: UnfinishedState, count: number][]> {
  const places = PLACES.map(([place]) => place);
  const found = (await redis.eval(COUNT, 1, keys.of(''), MOST_COUNTED, ...places)) as string[];
  return PLACES.flatMap(([, state], index) => {
    const names = JSON.parse(found[index] ?? '{}') as Readonly<Record<string, number>>;
    return Object.entries(names).map(([name, count]): [string, UnfinishedState, number] => [
      name,
      state,
      count,
    ]);
  });
}

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
