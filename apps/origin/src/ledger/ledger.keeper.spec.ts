import { describe, expect, it } from 'vitest';

import type { LedgerRecord } from '#lib/contracts';
import { MemoryDepot } from '#lib/depot';
import { VirtualClock, silentLogger } from '#lib/runtime';

import { LedgerAccount } from './ledger.account.js';
import { LedgerKeeper } from './ledger.keeper.js';
import { LedgerStore } from './ledger.store.js';

const ARTIFACT = 'a'.repeat(64);
const NOON = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;

function record(sequence: number): LedgerRecord {
  return {
    session: 'session-1',
    sequence,
    at: NOON,
    artifact: ARTIFACT,
    app: null,
    version: null,
    completed: true,
    delivered: 10,
    fromOrigin: 1,
    fromPeers: 9,
    reused: 0,
    wasted: 0,
    seconds: 1,
  };
}

async function run(
  depot: MemoryDepot,
  name: string,
  clock = new VirtualClock(NOON),
  isShared = false,
) {
  const account = new LedgerAccount(name, isShared);
  const keeper = new LedgerKeeper(account, new LedgerStore(depot), clock, silentLogger);
  await keeper.load();
  return { account, keeper, clock };
}

describe('LedgerKeeper', () => {
  it('has a record in the depot before it is acknowledged, and counts it once over runs', async () => {
    const depot = await MemoryDepot.open();
    const first = await run(depot, 'run-1');
    await first.keeper.record('t', [record(1), record(2)]);
    // No close: the process was killed.
    const second = await run(depot, 'run-2');
    expect(second.account.total().delivered).toBe(20);
    await second.keeper.record('t', [record(1), record(2), record(3)]);
    const third = await run(depot, 'run-3');
    expect(third.account.total()).toMatchObject({ delivered: 30, peers: 27, residual: 0 });
  });

  it('is at most ten seconds behind with the bytes of the origin', async () => {
    const depot = await MemoryDepot.open();
    const { keeper, clock } = await run(depot, 'run-1');
    keeper.countOrigin(ARTIFACT, 'first', 100);
    keeper.countOrigin(ARTIFACT, 'rare', 10);
    clock.advance(10_000);
    await keeper.flush();
    expect((await run(depot, 'run-2')).account.total().origin).toBe(110);
  });

  it('forgets after two months which records it has seen, and never what they were', async () => {
    const depot = await MemoryDepot.open();
    const { keeper, clock } = await run(depot, 'run-1');
    await keeper.record('t', [record(1)]);
    clock.advance(61 * DAY);
    const later = await run(depot, 'run-2', clock);
    expect(later.account.acknowledged('t', 'session-1')).toBe(0);
    expect(later.account.total().delivered).toBe(10);
  });

  it('writes a day that is over once more and begins the next', async () => {
    const depot = await MemoryDepot.open();
    const { keeper, clock, account } = await run(depot, 'run-1');
    keeper.countOrigin(ARTIFACT, 'first', 1);
    clock.advance(DAY);
    keeper.countOrigin(ARTIFACT, 'first', 2);
    await keeper.close();
    expect(account.document('2026-11-22')).toBeUndefined();
    expect((await depot.list('ledger/')).keys).toEqual([
      'ledger/2026-11-22/run-1.json',
      'ledger/2026-11-23/run-1.json',
    ]);
    expect((await run(depot, 'run-2')).account.total().origin).toBe(3);
  });

  it('keeps a record that comes while its day is written over midnight', async () => {
    const depot = await MemoryDepot.open();
    const clock = new VirtualClock(NOON);
    const account = new LedgerAccount('run-1');
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    class SlowStore extends LedgerStore {
      override async write(document: Parameters<LedgerStore['write']>[0]): Promise<void> {
        await super.write(document);
        begun.resolve();
        await goOn.promise;
      }
    }
    const keeper = new LedgerKeeper(account, new SlowStore(depot), clock, silentLogger);
    const first = keeper.record('t', [record(1)]);
    await begun.promise;
    const second = keeper.record('t', [record(2)]);
    clock.advance(DAY);
    goOn.resolve();
    await Promise.all([first, second]);
    expect((await run(depot, 'run-2')).account.total().delivered).toBe(20);
    expect(account.document('2026-11-22')).toBeUndefined();
  });

  it('counts a report once that went to two replicas, one of which was killed before it answered', async () => {
    const depot = await MemoryDepot.open();
    const clock = new VirtualClock(NOON);
    const first = await run(depot, 'run-1', clock, true);
    const second = await run(depot, 'run-2', clock, true);
    await first.keeper.record('t', [record(1), record(2)]);
    // Nobody has told the second of it.
    await second.keeper.record('t', [record(1), record(2), record(3)]);
    await second.keeper.loadOthers();
    await first.keeper.loadOther('2026-11-22/run-2');
    const third = await run(depot, 'run-3', clock, true);
    for (const { account } of [first, second, third]) {
      expect(account.total()).toMatchObject({ delivered: 30, peers: 27, residual: 0 });
      expect(account.artifact(ARTIFACT).stages).toBe(3);
    }
  });

  it('begins another document when one is full, and others read the full one once', async () => {
    const depot = await MemoryDepot.open();
    const clock = new VirtualClock(NOON);
    const first = await run(depot, 'run-1', clock, true);
    const second = await run(depot, 'run-2', clock, true);
    for (let target = 0; target < 20; target++) {
      const stages = Array.from({ length: 101 }, (_, each) => record(each + 1));
      await first.keeper.record(`t${target}`, stages);
    }
    await first.keeper.record('t0', [record(102)]);
    first.keeper.countOrigin(ARTIFACT, 'first', 5);
    await first.keeper.flush();
    expect((await depot.list('ledger/')).keys).toEqual([
      'ledger/2026-11-22/run-1-1.json',
      'ledger/2026-11-22/run-1.json',
    ]);
    await second.keeper.loadOthers();
    await second.keeper.loadOthers();
    const sums = { delivered: 20_210, origin: 5 };
    expect(second.account.total()).toMatchObject(sums);
    expect((await run(depot, 'run-3', clock)).account.total()).toMatchObject(sums);
  });

  it('shares one write between reports that come together', async () => {
    const depot = await MemoryDepot.open();
    let writes = 0;
    class CountingStore extends LedgerStore {
      override async write(document: Parameters<LedgerStore['write']>[0]): Promise<void> {
        writes++;
        await super.write(document);
      }
    }
    const account = new LedgerAccount('run-1');
    const keeper = new LedgerKeeper(
      account,
      new CountingStore(depot),
      new VirtualClock(NOON),
      silentLogger,
    );
    await Promise.all(
      Array.from({ length: 50 }, (_, each) => keeper.record(`t${each}`, [record(1)])),
    );
    expect(writes).toBeLessThanOrEqual(2);
    expect((await run(depot, 'run-2')).account.artifact(ARTIFACT).stages).toBe(50);
  });
});
