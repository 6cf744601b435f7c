import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { pageOf, SwarmSummary } from '#lib/contracts';

import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.close());

async function swarms(): Promise<SwarmSummary[]> {
  const admin = await origin.client();
  const answer = pageOf(SwarmSummary);
  return (await admin.call({ method: 'GET', path: '/api/v1/swarms', answer })).items;
}

describe('GET /swarms', () => {
  it('lists artifacts once somebody has them or the origin gave of them', async () => {
    const held = await origin.publish('web', '1', Buffer.alloc(100, 1));
    const given = await origin.publish('web', '2', Buffer.alloc(200, 2));
    await origin.publish('web', '3', Buffer.alloc(300, 3));
    expect(await swarms()).toEqual([]);

    const agent = await (await new TestAgent(origin).join()).open();
    await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/announce',
      json: {
        announces: [{ artifact: held.artifact, left: 0 }],
        peerAddress: '127.0.0.1:7001',
      },
      answer: z.object({}),
    });
    const webSeed = (await origin.ticket(given.artifact)).webSeed!;
    await (await fetch(webSeed, { headers: { range: 'bytes=0-99' } })).arrayBuffer();
    expect(await swarms()).toEqual([
      expect.objectContaining({ version: '2', seeds: 0, originSentBytes: 100, originCopies: 0.5 }),
      expect.objectContaining({ version: '1', seeds: 1, downloaders: 0, originSentBytes: 0 }),
    ]);
  });

  it('knows no artifact that is not there', async () => {
    const admin = await origin.client();
    for (const path of ['', '/live']) {
      const answer = await fetch(`${origin.url}/api/v1/swarms/${'ab'.repeat(32)}${path}`, {
        headers: { authorization: `Bearer ${await origin.token('admin-token')}` },
      });
      expect(answer.status).toBe(404);
    }
    await admin.close();
  });
});
