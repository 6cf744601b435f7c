import { beforeEach, describe, expect, it } from 'vitest';

import { MemoryDepot } from '#lib/depot';
import { InProcessJobQueue } from '#lib/jobs';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { ORIGIN_JOB_NAMES, type OriginJobs } from './origin-jobs.js';
import { RecurringJobs } from './recurring-jobs.js';
import { UnfinishedWork } from './unfinished-work.js';

const EVERY_MS = 1000;
const REPORT = {
  v: 1 as const,
  startedAt: 0,
  finishedAt: 0,
  repaired: [],
  lacking: [],
  fetchedBytes: 0,
  keptBytes: 0,
};

let depot: MemoryDepot;
let clock: VirtualClock;
let runs: number;
let isNeeded: boolean;
beforeEach(async () => {
  depot = await MemoryDepot.open();
  clock = new VirtualClock(Date.parse(depot.identity.created));
  runs = 0;
  isNeeded = true;
});

/** A process of its own: its queue knows nothing of what an earlier one was doing. */
async function start(run: () => Promise<void> = async () => undefined) {
  const queue = new InProcessJobQueue<OriginJobs>({ names: ORIGIN_JOB_NAMES, clock });
  const unfinished = new UnfinishedWork(queue, clock, silentLogger);
  const recurring = new RecurringJobs(unfinished, queue, depot, clock);
  for (const name of ORIGIN_JOB_NAMES) {
    if (name !== 'repair') queue.register(name, () => Promise.reject(new Error('not here')));
  }
  recurring.register('repair', {
    run: async () => {
      runs++;
      await run();
      return REPORT;
    },
    data: {},
    everyMs: EVERY_MS,
    isNeeded: async () => isNeeded,
    priority: 1,
    timeoutMs: 60_000,
  });
  await queue.start();
  await unfinished.look();
  const settled = async () => {
    if (await queue.get('repair')) await queue.finished('repair');
  };
  return { queue, unfinished, recurring, settled };
}

describe('recurring work', () => {
  it('is done when its time has come, and not again before the next', async () => {
    const { unfinished, settled } = await start();
    expect(runs).toBe(0);
    for (const expected of [1, 2]) {
      clock.advance(EVERY_MS);
      await unfinished.look();
      await settled();
      await unfinished.look();
      expect(runs).toBe(expected);
    }
  });

  it('waits for a need, unless somebody asks', async () => {
    isNeeded = false;
    const { unfinished, recurring, settled } = await start();
    clock.advance(EVERY_MS);
    await unfinished.look();
    expect(runs).toBe(0);
    await recurring.request('repair');
    await settled();
    expect(runs).toBe(1);
  });

  it('that somebody has asked for is done though the process dies first', async () => {
    const first = await start(() => new Promise(() => undefined));
    await first.recurring.request('repair');
    const second = await start();
    await second.settled();
    expect(runs).toBe(2);
    const third = await start();
    await third.settled();
    expect(runs).toBe(2);
  });

  it('that was asked for once more while it ran is done once more', async () => {
    const asked = Promise.withResolvers<void>();
    const { recurring, unfinished, settled } = await start(() => asked.promise);
    await recurring.request('repair');
    clock.advance(10);
    await recurring.request('repair');
    asked.resolve();
    await settled();
    await unfinished.look();
    await settled();
    expect(runs).toBe(2);
  });

  it('that was cancelled does not come back before its time', async () => {
    const begun = Promise.withResolvers<void>();
    const { recurring, unfinished } = await start(() => {
      begun.resolve();
      return new Promise(() => undefined);
    });
    await recurring.request('repair');
    await begun.promise;
    await unfinished.cancel('repair');
    const second = await start();
    await second.settled();
    expect(runs).toBe(1);
    expect(unfinished.canCancel('publish')).toBe(false);
  });
});
