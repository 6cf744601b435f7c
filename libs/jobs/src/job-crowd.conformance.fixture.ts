import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { JobQueue, RunningJob } from './job-queue.js';
import type { QueueUnderTest, TestJobs } from './queue-under-test.fixture.js';

/** The part of the job queue's conformance that is about crowds of one name. */
export function crowdConformance(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name}: a crowd of jobs of one name`, () => {
    let under: QueueUnderTest;
    let queue: JobQueue<TestJobs>;
    beforeEach(async () => {
      under = await make();
      queue = under.queue;
    });
    afterEach(() => under.dispose());

    it('runs no more jobs of a name at once than may, and lets others pass', async () => {
      const ends: (() => void)[] = [];
      let [active, most] = [0, 0];
      const wait = async ({ data }: RunningJob<{ a: number; b: number }>) => {
        most = Math.max(most, ++active);
        await new Promise<void>((resolve) => ends.push(resolve));
        active--;
        return data.a;
      };
      queue.register('add', wait, { atOnce: 1 });
      queue.register('act', async () => 'passed');
      await queue.start();
      const waiting = await Promise.all([1, 2].map((a) => queue.enqueue('add', { a, b: 0 })));
      const { id } = await queue.enqueue('act', { what: 'quick' });
      expect(await queue.finished(id)).toMatchObject({ result: 'passed' });
      for (const job of waiting) {
        await expect.poll(() => ends.length, { timeout: 15_000 }).toBe(1);
        ends.pop()!();
        expect(await queue.finished(job.id)).toMatchObject({ state: 'done', attempt: 1 });
      }
      expect(most).toBe(1);
    });
  });
}
