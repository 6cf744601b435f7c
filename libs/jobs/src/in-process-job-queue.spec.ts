import { setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom, VirtualClock } from '#lib/runtime';

import { InProcessJobQueue } from './in-process-job-queue.js';
import { jobQueueConformance } from './job-queue.conformance.fixture.js';
import type { JobRun } from './job-queue.js';
import { TEST_JOB_NAMES, type TestJobs } from './queue-under-test.fixture.js';
import { WaitingLine } from './waiting-line.js';

function make(keepFinished = 1000) {
  const clock = new VirtualClock();
  const runs: JobRun[] = [];
  const queue = new InProcessJobQueue<TestJobs>({
    names: TEST_JOB_NAMES,
    backoff: { startMs: 50, limitMs: 100 },
    random: seededRandom(1),
    keepFinished,
    clock,
    onRun: (run) => runs.push(run),
  });
  return { clock, queue, runs };
}

jobQueueConformance('in-process', async () => {
  const { clock, queue, runs } = make();
  return {
    queue,
    runs,
    afterClose: (id) => queue.get(id),
    passTime: async () => {
      await turn();
      clock.advance(100);
      await turn();
    },
    dispose: async () => {
      const closed = queue.close({ deadlineMs: 0, graceMs: 0 });
      clock.advance(1);
      await closed;
    },
  };
});

describe('InProcessJobQueue', () => {
  it('forgets the oldest finished jobs, and no unfinished one', async () => {
    const { queue } = make(2);
    const { promise: forever } = Promise.withResolvers<string>();
    queue.register('act', () => forever);
    queue.register('add', async ({ data }) => data.a + data.b);
    await queue.start();
    await queue.enqueue('act', { what: 'unfinished' }, { id: 'first' });
    for (const id of ['a', 'b', 'c', 'd']) {
      await queue.enqueue('add', { a: 1, b: 1 }, { id });
      await queue.finished(id);
    }
    expect((await queue.list()).map((job) => job.id)).toEqual(['d', 'c', 'first']);
  });

  it('doubles the delay of retries up to the limit', async () => {
    const { clock, queue } = make();
    const startedAt: number[] = [];
    queue.register('add', async () => 0);
    queue.register('act', async () => {
      startedAt.push(clock.now());
      throw new Error('again');
    });
    await queue.start();
    const { id } = await queue.enqueue('act', { what: 'x' }, { attempts: 5 });
    for (let ms = 0; ms < 500; ms++) {
      await turn();
      clock.advance(1);
    }
    expect(await queue.finished(id)).toMatchObject({ state: 'failed', attempt: 5 });
    const gaps = startedAt.slice(1).map((at, index) => at - startedAt[index]!);
    const within = [
      [25, 51],
      [50, 101],
      [50, 101],
      [50, 101],
    ] as const;
    gaps.forEach((gap, index) => {
      expect(gap).toBeGreaterThanOrEqual(within[index]![0]);
      expect(gap).toBeLessThanOrEqual(within[index]![1]);
    });
  });

  it('goes on when a listener throws', async () => {
    const { queue } = make();
    queue.register('add', async ({ data }) => data.a + data.b);
    queue.register('act', async () => null);
    queue.subscribe(() => {
      throw new Error('listener');
    });
    await queue.start();
    const { id } = await queue.enqueue('add', { a: 1, b: 2 });
    expect(await queue.finished(id)).toMatchObject({ result: 3 });
  });
});

describe('WaitingLine', () => {
  it('gives out by priority, then by order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 })), (priorities) => {
        const line = new WaitingLine<{ priority: number; order: number }>();
        const items = priorities.map((priority, order) => ({ priority, order }));
        items.forEach((item) => line.push(item));
        const given = items.map(() => line.shift());
        const sorted = items.toSorted((a, b) => a.priority - b.priority || a.order - b.order);
        expect(given).toEqual(sorted);
        expect(line.shift()).toBeUndefined();
        expect(line.length).toBe(0);
      }),
    );
  });
});
