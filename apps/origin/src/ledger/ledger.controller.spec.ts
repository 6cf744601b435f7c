import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { AgentReportAnswer, Savings, SavingsSeries, type LedgerRecord } from '#lib/contracts';

import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.close());

function record(artifact: string, sequence: number, delivered: number): LedgerRecord {
  return {
    session: 'session-1',
    sequence,
    at: 1,
    artifact,
    app: null,
    version: null,
    completed: true,
    delivered,
    fromOrigin: 0,
    fromPeers: delivered,
    reused: 0,
    wasted: 0,
    seconds: 1,
  };
}

async function savings(): Promise<Savings> {
  const admin = await origin.client();
  return admin.call({ method: 'GET', path: '/api/v1/savings', answer: Savings });
}

async function report(agent: TestAgent, ledger: LedgerRecord[]): Promise<number> {
  const { acknowledged } = await agent.client.call({
    method: 'POST',
    path: '/api/v1/agent/report',
    json: { instance: agent.instance, freeBytes: null, apps: [], holds: [], ledger },
    answer: AgentReportAnswer,
  });
  return acknowledged;
}

describe('the ledger over HTTP', () => {
  it('counts a report once, also when it comes again after a restart', async () => {
    const { artifact } = await origin.publish('web', '1', Buffer.alloc(1000, 7));
    const agent = await (await new TestAgent(origin).join()).open();
    expect(await report(agent, [record(artifact, 1, 1000)])).toBe(1);
    expect(await report(agent, [record(artifact, 1, 1000), record(artifact, 2, 1000)])).toBe(2);
    await origin.restart();
    await agent.open();
    expect(await report(agent, [record(artifact, 1, 1000), record(artifact, 2, 1000)])).toBe(2);
    const account = await savings();
    expect(account).toMatchObject({ delivered: 2000, peers: 2000, origin: 0, ratio: 1 });
    expect(account.artifacts).toEqual([
      expect.objectContaining({ artifact, app: 'web', version: '1', bytes: 1000, stages: 2 }),
    ]);
  });

  it('leaves out what cannot be true, and acknowledges it', async () => {
    const { artifact } = await origin.publish('web', '2', Buffer.alloc(500, 8));
    const agent = await (await new TestAgent(origin).join()).open();
    const before = (await savings()).delivered;
    const lies = [record(artifact, 1, 501), record('ab'.repeat(32), 2, 5)];
    expect(await report(agent, lies)).toBe(2);
    expect((await savings()).delivered).toBe(before);
  });

  it('takes records of pulls and shows them in the series', async () => {
    const { artifact } = await origin.publish('web', '3', Buffer.alloc(300, 9));
    const admin = await origin.client();
    const before = (await savings()).delivered;
    for (let attempt = 0; attempt < 2; attempt++) {
      await admin.call({
        method: 'POST',
        path: '/api/v1/ledger/records',
        json: { records: [record(artifact, 1, 300)] },
        answer: z.object({ acknowledged: z.literal(1) }),
      });
    }
    expect((await savings()).delivered).toBe(before + 300);
    const { points, stepMs } = await admin.call({
      method: 'GET',
      path: '/api/v1/savings/series?hours=1',
      answer: SavingsSeries,
    });
    expect(stepMs).toBe(300_000);
    expect(points).toHaveLength(12);
    expect(points.reduce((sum, point) => sum + point.delivered, 0)).toBe(before + 300);
  });
});
