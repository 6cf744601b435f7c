import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RunningJob } from './job-queue.js';
import type { QueueUnderTest } from './queue-under-test.fixture.js';

/** What a job queue says of how much it does. */
export function figuresConformance(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name}: figures of jobs`, () => {
    let under: QueueUnderTest;
    let queue: QueueUnderTest['queue'];
    let acts: Record<string, (job: RunningJob<{ what: string }>) => Promise<string | null>>;

    beforeEach(async () => {
      under = await make();
      queue = under.queue;
      acts = {};
      queue.register('act', (job) => acts[job.data.what]!(job));
      queue.register('add', async ({ data }) => data.a + data.b);
    });
    afterEach(() => under.dispose());

    it('tells of every attempt that ended, and how', async () => {
      acts['fail once'] = async ({ attempt }) => {
        if (attempt === 1) throw new Error('not yet');
        return null;
      };
      acts['be cancelled'] = async ({ id, signal }) => {
        const end = new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
        void queue.cancel(id);
        return end;
      };
      await queue.start();
      await queue.finished((await queue.enqueue('add', { a: 1, b: 1 })).id);
      const failing = await queue.enqueue('act', { what: 'fail once' });
      await expect.poll(() => under.runs.length).toBeGreaterThanOrEqual(2);
      await under.passTime();
      await queue.finished(failing.id);
      await queue.finished((await queue.enqueue('act', { what: 'be cancelled' })).id);
      expect(under.runs).toEqual(
        [
          ['add', 'done'],
          ['act', 'failed'],
          ['act', 'done'],
          ['act', 'aborted'],
        ].map(([name, outcome]) => ({ name, outcome, ms: expect.any(Number) as number })),
      );
    });

    it('counts what has not ended', async () => {
      const started = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      acts['slow'] = async () => {
        started.resolve();
        await go.promise;
        return null;
      };
      await queue.enqueue('add', { a: 1, b: 1 }, { id: 'low', priority: 9 });
      const none = { waiting: 0, delayed: 0, active: 0 };
      expect(await queue.counts()).toEqual({ add: { ...none, waiting: 1 }, act: none });
      await queue.enqueue('act', { what: 'slow' }, { id: 'slow' });
      await queue.enqueue('add', { a: 1, b: 2 }, { id: 'high' });
      const waiting = { add: { ...none, waiting: 2 }, act: { ...none, waiting: 1 } };
      expect(await queue.counts()).toEqual(waiting);
      await queue.start();
      await started.promise;
      await Promise.all([queue.finished('low'), queue.finished('high')]);
      expect(await queue.counts()).toEqual({ add: none, act: { ...none, active: 1 } });
      go.resolve();
      await queue.finished('slow');
      expect(await queue.counts()).toEqual({ add: none, act: none });
    });
  });
}
