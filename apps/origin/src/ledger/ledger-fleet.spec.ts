import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { Savings, type LedgerRecord } from '#lib/contracts';

import { TestFleet } from '../replicas/fleet.fixture.js';
import type { TestOrigin } from '../targets/agent.fixture.js';

const Acknowledged = z.object({ acknowledged: z.number() });

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await TestFleet.start(3);
});
afterAll(() => fleet.close());

async function report(at: TestOrigin, records: readonly LedgerRecord[]): Promise<number> {
  const path = '/api/v1/ledger/records';
  const client = await at.client(await fleet.replicas[0]!.token('admin-token'));
  const answer = await client.call({
    method: 'POST',
    path,
    json: { records },
    answer: Acknowledged,
  });
  return answer.acknowledged;
}

async function savingsAt(at: TestOrigin): Promise<Savings> {
  return (await at.client()).call({ method: 'GET', path: '/api/v1/savings', answer: Savings });
}

it('replicas show the same account within seconds, of reports that came to several of them', async () => {
  const [a, b, c] = fleet.replicas;
  const { artifact } = await a!.publish('web', '1', Buffer.alloc(1000, 'x'));
  const record = (sequence: number): LedgerRecord => ({
    session: 'session-of-a-machine',
    sequence,
    at: Date.now(),
    artifact,
    app: 'web',
    version: '1',
    completed: true,
    delivered: 1000,
    fromOrigin: 400,
    fromPeers: 600,
    reused: 0,
    wasted: 0,
    seconds: 1,
  });
  expect(await report(a!, [record(1), record(2)])).toBe(2);
  // Its answer was lost: the machine asks the next replica, at once.
  expect(await report(b!, [record(1), record(2), record(3)])).toBe(3);
  expect(await report(c!, [record(3)])).toBe(3);
  await vi.waitFor(
    async () => {
      for (const replica of fleet.replicas) {
        expect(await savingsAt(replica)).toMatchObject({ delivered: 3000, peers: 1800 });
      }
    },
    { timeout: 10_000, interval: 100 },
  );
});
