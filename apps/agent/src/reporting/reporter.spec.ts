import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { StageLedger } from '../ledger/stage-ledger.js';
import { Reporter } from './reporter.js';

let clock: VirtualClock;
let reporter: Reporter;
/** When reports were sent, monotonic ms. */
let sentAt: number[];
let answer: () => Promise<number>;

beforeEach(async () => {
  clock = new VirtualClock();
  sentAt = [];
  answer = async () => 0;
  reporter = new Reporter({
    describe: async () => ({ instance: 'i', freeBytes: null, apps: [], holds: [] }),
    ledger: await StageLedger.open(join(await mkdtemp(join(tmpdir(), 'reporter-')), 'ledger')),
    send: async (_report, signal) => {
      sentAt.push(clock.monotonic());
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      return Promise.race([answer(), stopped]);
    },
    clock,
    logger: silentLogger,
  });
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('Reporter', () => {
  it('gathers changes, tells of progress less often, and of nothing new now and then', async () => {
    for (let change = 0; change < 5; change++) reporter.changed();
    await pass(1_000);
    expect(sentAt).toEqual([200]);
    for (let at = 1_000; at < 6_000; at += 100) {
      reporter.progressed();
      await pass(100);
    }
    expect(sentAt.length).toBeGreaterThanOrEqual(5);
    expect(sentAt.length).toBeLessThanOrEqual(6);
    const before = sentAt.length;
    await pass(31_000);
    expect(sentAt.length - before).toBeLessThanOrEqual(2);
  });

  it('sends a change that comes while a report is under way right after it', async () => {
    const first = Promise.withResolvers<number>();
    answer = () => first.promise;
    reporter.changed();
    await pass(500);
    reporter.changed();
    await pass(5_000);
    expect(sentAt).toEqual([200]);
    first.resolve(0);
    await pass(300);
    expect(sentAt).toHaveLength(2);
  });

  it('leaves an origin alone for a while that took no report, whatever changes', async () => {
    answer = async () => {
      throw new FleetseedError('ORIGIN_UNREACHABLE', 'down');
    };
    for (let at = 0; at < 9_000; at += 100) {
      reporter.changed();
      await pass(100);
    }
    expect(sentAt.length).toBeLessThanOrEqual(3);
    expect(sentAt.length).toBeGreaterThanOrEqual(2);
  });

  it('stops at once, also while the origin does not answer', async () => {
    answer = () => new Promise(() => {});
    reporter.changed();
    await pass(500);
    await reporter.stop();
    reporter.changed();
    await pass(60_000);
    expect(sentAt).toEqual([200]);
  });
});
