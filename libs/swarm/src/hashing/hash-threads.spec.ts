import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '#lib/runtime';

import type { HashJob, HashJobOutcome } from './hash-job.types.js';
import { HashThreads } from './hash-threads.js';

/** Answers with how many jobs the message had; ends when a job has the width 666. */
const ENTRY = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (jobs) => {
      if (jobs.some((job) => job.paddedLeaves === 666)) process.exit(1);
      const done = { first: Buffer.of(jobs.length), second: Buffer.of(), signatures: [] };
      parentPort.postMessage(jobs.map(() => ({ ok: true, done })));
    });
  `)}`,
);

function job(paddedLeaves: number): HashJob {
  return { kind: 'root', leaves: new Uint8Array(0), paddedLeaves };
}

describe('HashThreads', () => {
  let threads: HashThreads;

  function submit(work: HashJob, urgent: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: HashJobOutcome) => {
        if (outcome.ok) resolve(outcome.done.first[0]!);
      };
      threads.submit({ job: work, cost: 100, settle, fail: reject }, urgent);
    });
  }

  afterEach(async () => {
    await threads.close();
  });

  it('rejects what a thread that ended had, and goes on with another', async () => {
    threads = new HashThreads(ENTRY, 1, 60_000, systemClock);
    const outcomes = await Promise.allSettled([
      submit(job(666), true),
      submit(job(666), true),
      submit(job(1), true),
      submit(job(1), true),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(outcomes[0]).toMatchObject({ reason: { code: 'INTERNAL' } });
  });

  it('sends small jobs together when they pile up, and urgent ones before them', async () => {
    threads = new HashThreads(ENTRY, 1, 60_000, systemClock);
    const order: string[] = [];
    const together = await Promise.all([
      ...Array.from({ length: 6 }, () => submit(job(1), false).finally(() => order.push('file'))),
      submit(job(1), true).finally(() => order.push('span')),
    ]);
    // Two messages of one job were on their way before anything piled up.
    expect(together).toEqual([1, 1, 4, 4, 4, 4, 1]);
    expect(order).toEqual(['file', 'file', 'span', 'file', 'file', 'file', 'file']);
  });

  it('fails what is queued when it is closed', async () => {
    threads = new HashThreads(ENTRY, 1, 60_000, systemClock);
    const jobs = Array.from({ length: 5 }, () => submit(job(1), true));
    const outcomes = Promise.allSettled(jobs);
    await threads.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'SHUTTING_DOWN' } });
    }
  });
});
