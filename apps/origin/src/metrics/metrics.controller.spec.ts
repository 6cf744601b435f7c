import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.close());

describe('GET /metrics', () => {
  it('is for callers that may read the fleet', async () => {
    expect((await fetch(`${origin.url}/metrics`)).status).toBe(401);
    const agent = await (await new TestAgent(origin).join()).open();
    const session = { authorization: `Bearer ${agent.session!.token}` };
    expect((await fetch(`${origin.url}/metrics`, { headers: session })).status).toBe(403);
  });

  it('shows what is, in the text format of Prometheus', async () => {
    await origin.publish('web', '1', Buffer.from('one'));
    await (await new TestAgent(origin).join()).open();
    const authorization = `Bearer ${await origin.token('admin-token')}`;
    const answer = await fetch(`${origin.url}/metrics`, { headers: { authorization } });
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    expect(text).toContain('\nfleetseed_artifacts 1\n');
    expect(text).toMatch(/\nfleetseed_targets\{state="online"\} [1-9]/);
    expect(text).toContain('\nfleetseed_origin_sent_bytes_total{reason="web-seed"} 0\n');
  });

  it('is open when it was configured so', async () => {
    const open = await TestOrigin.start({ metricsAccess: 'open' });
    expect((await fetch(`${open.url}/metrics`)).status).toBe(200);
    await open.close();
  });
});
