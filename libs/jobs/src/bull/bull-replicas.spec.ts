import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { JobEventType, RunningJob } from '../job-queue.js';
import type { TestJobs } from '../queue-under-test.fixture.js';
import { RedisServer } from '../redis-server.fixture.js';
import { BullJobQueue, type BullJobQueueOptions } from './bull-job-queue.js';
import { BULL_QUEUE, BullKeys } from './bull-keys.js';
import { redisAddressOf } from './redis-address.js';

type Act = (job: RunningJob<{ what: string }>) => Promise<string | null>;

let server: RedisServer;
let prefix: string;
let queues: BullJobQueue<TestJobs>[];

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  prefix = randomUUID();
  queues = [];
});
afterEach(async () => {
  for (const queue of queues) await queue.close({ deadlineMs: 0, graceMs: 500 });
});

async function open(
  options: Partial<BullJobQueueOptions<TestJobs>> = {},
): Promise<BullJobQueue<TestJobs>> {
  const queue = await BullJobQueue.open<TestJobs>({
    url: server.socketUrl,
    prefix,
    names: ['add', 'act'],
    backoff: { startMs: 20, limitMs: 50 },
    watchMs: 50,
    lockMs: 600,
    ...options,
  });
  queues.push(queue);
  return queue;
}

/** A process that runs jobs. */
async function worker(act: Act, options: Partial<BullJobQueueOptions<TestJobs>> = {}) {
  const queue = await open(options);
  queue.register('add', async ({ data }) => data.a + data.b);
  queue.register('act', act);
  await queue.start();
  return queue;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

describe('several processes with one queue', () => {
  it('run what another one enqueues, and all hear of it', async () => {
    const asking = await open();
    await worker(async (job) => {
      job.progress({ done: 1, total: 2 });
      return 'done elsewhere';
    });
    const heard: JobEventType[] = [];
    asking.subscribe(({ type }) => heard.push(type));
    const { id } = await asking.enqueue('act', { what: 'x' });
    expect(await asking.finished(id)).toMatchObject({ state: 'done', result: 'done elsewhere' });
    await vi.waitFor(() => expect(heard).toContain('done'));
    expect(heard).toEqual(['queued', 'started', 'progress', 'done']);
  });

  it('cancel what runs in another one', async () => {
    const asking = await open();
    const started = Promise.withResolvers<void>();
    await worker(({ signal }) => {
      started.resolve();
      return untilAborted(signal);
    });
    const { id } = await asking.enqueue('act', { what: 'x' });
    await started.promise;
    expect(await asking.cancel(id)).toBe(true);
    expect(await asking.finished(id)).toMatchObject({
      state: 'cancelled',
      error: { code: 'ABORTED' },
    });
  });

  it('take over the job of a process that died, without counting it as an attempt', async () => {
    const asking = await open();
    const { id } = await asking.enqueue('act', { what: 'x' }, { attempts: 1 });
    // It takes the job and gives no sign of life any more.
    const connection = new Redis({
      ...redisAddressOf(server.socketUrl).options,
      maxRetriesPerRequest: null,
    });
    const { prefix: bullPrefix } = new BullKeys(prefix);
    const dead = new Worker(BULL_QUEUE, null, {
      connection,
      prefix: bullPrefix,
      lockDuration: 300,
      skipLockRenewal: true,
    });
    await dead.getNextJob('token');
    expect(await asking.get(id)).toMatchObject({ state: 'active' });
    await dead.close(true);
    connection.disconnect();
    await worker(async ({ attempt }) => `attempt ${attempt}`);
    expect(await asking.finished(id)).toMatchObject({ state: 'done', result: 'attempt 1' });
  });

  it('never run one id twice at a time, however many enqueue it', async () => {
    let [running, most, ran] = [0, 0, 0];
    const act: Act = async () => {
      ran++;
      most = Math.max(most, ++running);
      await sleep(20);
      running--;
      return null;
    };
    const workers = [await worker(act), await worker(act), await worker(act)];
    const id = 'one';
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        workers.map(async (queue) => {
          await queue.enqueue('act', { what: 'x' }, { id });
          await queue.finished(id);
        }),
      );
    }
    expect(most).toBe(1);
    expect(ran).toBeGreaterThanOrEqual(5);
    expect(await workers[0]!.list()).toHaveLength(1);
  });

  it('leave a job whose name they do not know to those that do', async () => {
    const older = await open({ names: ['add'] as never });
    older.register('add', async () => 0);
    await older.start();
    const asking = await open();
    const { id } = await asking.enqueue('act', { what: 'x' });
    await vi.waitFor(async () => {
      expect(await asking.get(id)).toMatchObject({ state: 'delayed', error: null });
    });
  });

  it('keep apart from those of another prefix', async () => {
    const one = await open();
    const other = await open({ prefix: randomUUID() });
    await one.enqueue('add', { a: 1, b: 1 }, { id: 'mine' });
    expect(await other.get('mine')).toBeNull();
    expect(await other.list()).toEqual([]);
  });

  it('remember so many finished jobs, and forget no unfinished one', async () => {
    const queue = await worker(async () => null, { keepFinished: 3 });
    for (let n = 0; n < 6; n++) {
      await queue.enqueue('add', { a: n, b: 0 }, { id: `job-${n}` });
      await queue.finished(`job-${n}`);
    }
    const ids = (await queue.list()).map(({ id }) => id);
    expect(ids).toEqual(['job-5', 'job-4', 'job-3']);
    expect(await queue.get('job-0')).toBeNull();
  });
});

describe('a Redis that is emptied', () => {
  it('is noticed by all; waiters hear that the job is gone, and it may be enqueued again', async () => {
    const asking = await open();
    const running: AbortSignal[] = [];
    let active = 0;
    let most = 0;
    const runner = await worker(async ({ signal }) => {
      running.push(signal);
      most = Math.max(most, ++active);
      try {
        if (running.length === 1) return await untilAborted(signal);
        return 'second time';
      } finally {
        active--;
      }
    });
    const lost = queues.map((queue) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.onLoss(resolve);
      return promise;
    });
    await asking.enqueue('act', { what: 'x' }, { id: 'lost' });
    await vi.waitFor(() => expect(running).toHaveLength(1));
    const gone = asking.finished('lost').catch((error: unknown) => error);
    await server.empty();
    await Promise.all(lost);
    expect(await gone).toMatchObject({ code: 'JOB_NOT_FOUND' });
    expect(running[0]!.aborted).toBe(true);
    await asking.enqueue('act', { what: 'x' }, { id: 'lost' });
    expect(await runner.finished('lost')).toMatchObject({ state: 'done', result: 'second time' });
    expect(most).toBe(1);
  });
});

describe('a Redis that goes away', () => {
  it('stands still: what runs goes on, its outcome is kept, calls fail until it is back', async () => {
    const go = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const queue = await worker(
      async () => {
        started.resolve();
        await go.promise;
        return 'survived';
      },
      { lockMs: 30_000 },
    );
    const { id } = await queue.enqueue('act', { what: 'x' });
    await started.promise;
    const back = Promise.withResolvers<void>();
    queue.onLoss(back.resolve);
    server.pause();
    try {
      go.resolve();
      await expect(queue.get(id)).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' });
    } finally {
      server.resume();
    }
    await back.promise;
    expect(await queue.finished(id)).toMatchObject({ state: 'done', result: 'survived' });
  });

  it('dies: calls fail soon, and all goes on with an empty one', async () => {
    const queue = await worker(async () => 'ran');
    const back = Promise.withResolvers<void>();
    queue.onLoss(back.resolve);
    await server.kill();
    await expect(queue.enqueue('act', { what: 'x' })).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
    });
    await server.start();
    await back.promise;
    const { id } = await queue.enqueue('act', { what: 'x' });
    expect(await queue.finished(id)).toMatchObject({ state: 'done', result: 'ran' });
  });

  it('does not hold up the end', async () => {
    const queue = await worker(async () => null);
    await server.kill();
    await expect(queue.close({ deadlineMs: 100, graceMs: 100 })).resolves.toBeUndefined();
    await server.start();
  });
});
