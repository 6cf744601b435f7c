import type { ChainableCommander, Redis } from 'ioredis';

import type { JobState, JobView } from '../job-queue.js';
import { bullIdOf, viewOfHash } from './bull-job.codec.js';
import type { BullKeys } from './bull-keys.js';

const LIST_LIMIT = 1000;
const PAGE = 200;

export interface ListFilter {
  readonly name?: string;
  readonly state?: JobState;
  readonly limit?: number;
}

/** Reads jobs as BullMQ keeps them. */
export class BullStore {
  constructor(
    private readonly redis: Redis,
    private readonly keys: BullKeys,
  ) {}

  async get(id: string): Promise<JobView | null> {
    const bullId = bullIdOf(id);
    const { keys } = this;
    const [hash, active, delayed] = await answersOf(
      this.redis
        .multi()
        .hgetall(keys.of(bullId))
        .lpos(keys.of('active'), bullId)
        .zscore(keys.of('delayed'), bullId),
    );
    if (Object.keys(hash as object).length === 0) return null;
    const away = delayed === null ? 'waiting' : 'delayed';
    return viewOfHash(bullId, hash as Record<string, string>, active === null ? away : 'active');
  }

  /** In the order of enqueueing, newest first. */
  async list(filter: ListFilter): Promise<JobView[]> {
    const { keys, redis } = this;
    const limit = filter.limit ?? LIST_LIMIT;
    const [index, active, delayed] = (await answersOf(
      redis
        .multi()
        .zrevrange(keys.index, 0, -1)
        .lrange(keys.of('active'), 0, -1)
        .zrange(keys.of('delayed'), '0', '-1'),
    )) as [string[], string[], string[]];
    const [activeIds, delayedIds] = [new Set(active), new Set(delayed)];
    const found: JobView[] = [];
    for (let at = 0; at < index.length && found.length < limit; at += PAGE) {
      const page = index.slice(at, at + PAGE);
      const pipeline = redis.pipeline();
      for (const bullId of page) pipeline.hgetall(keys.of(bullId));
      const hashes = (await answersOf(pipeline)) as Record<string, string>[];
      for (const [number, bullId] of page.entries()) {
        const hash = hashes[number]!;
        if (Object.keys(hash).length === 0) {
          await this.#forget(bullId);
          continue;
        }
        const away = delayedIds.has(bullId) ? 'delayed' : 'waiting';
        const view = viewOfHash(bullId, hash, activeIds.has(bullId) ? 'active' : away);
        if (matches(view, filter) && found.length < limit) found.push(view);
      }
    }
    return found;
  }

  /** Written after the job itself: what is in the index without being a job was forgotten. */
  async remember(id: string): Promise<void> {
    const order = await this.redis.incr(this.keys.order);
    await this.redis.zadd(this.keys.index, order, bullIdOf(id));
  }

  /** By its number and not by its id: an id enqueued anew meanwhile has another number. */
  async #forget(bullId: string): Promise<void> {
    const order = await this.redis.zscore(this.keys.index, bullId);
    if (order === null || (await this.redis.exists(this.keys.of(bullId))) === 1) return;
    await this.redis.zremrangebyscore(this.keys.index, order, order);
  }
}

function matches(view: JobView, { name, state }: ListFilter): boolean {
  return (
    (name === undefined || view.name === name) && (state === undefined || view.state === state)
  );
}

async function answersOf(commands: ChainableCommander): Promise<unknown[]> {
  const answers = (await commands.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}
