import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { jobQueueConformance } from '../job-queue.conformance.fixture.js';
import type { JobRun } from '../job-queue.js';
import { TEST_JOB_NAMES, type TestJobs } from '../queue-under-test.fixture.js';
import { RedisServer } from '../redis-server.fixture.js';
import { BullJobQueue } from './bull-job-queue.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

function open(prefix: string, runs: JobRun[] = []): Promise<BullJobQueue<TestJobs>> {
  return BullJobQueue.open<TestJobs>({
    url: server.socketUrl,
    prefix,
    names: TEST_JOB_NAMES,
    backoff: { startMs: 50, limitMs: 100 },
    random: seededRandom(1),
    watchMs: 100,
    onRun: (run) => runs.push(run),
  });
}

jobQueueConformance('BullMQ', async () => {
  const prefix = randomUUID();
  const runs: JobRun[] = [];
  const queues = [await open(prefix, runs)];
  return {
    queue: queues[0]!,
    runs,
    afterClose: async (id) => {
      const other = await open(prefix);
      queues.push(other);
      return other.get(id);
    },
    passTime: () => sleep(150),
    dispose: async () => {
      for (const queue of queues) await queue.close({ deadlineMs: 0, graceMs: 0 });
    },
  };
});
