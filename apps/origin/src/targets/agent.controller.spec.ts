import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { pageOf, Target } from '#lib/contracts';

import { newKey, TestAgent, TestOrigin } from './agent.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.close());

const failure = (code: string) => expect.objectContaining({ code });

describe('joining', () => {
  it('lets a machine in with a join token, and shows it', async () => {
    const agent = await new TestAgent(origin, { labels: { zone: 'a', rack: 'r1' } }).join();
    await agent.open();
    const admin = await origin.client();
    const { items } = await admin.call({
      method: 'GET',
      path: '/api/v1/targets?label=zone=a&label=rack=r1',
      answer: pageOf(Target),
    });
    expect(items).toEqual([
      expect.objectContaining({
        target: agent.target,
        labels: { zone: 'a', rack: 'r1' },
        online: true,
        apps: [],
      }),
    ]);
    const other = await admin.call({
      method: 'GET',
      path: '/api/v1/targets?label=zone=b',
      answer: pageOf(Target),
    });
    expect(other.items).toEqual([]);
  });

  it('refuses a token that is none, and no token', async () => {
    await expect(new TestAgent(origin).join('fsj_0123456789abcdef_nonsense')).rejects.toEqual(
      failure('JOIN_REFUSED'),
    );
    const answer = await fetch(`${origin.url}/api/v1/agent/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        publicKey: 'A'.repeat(43),
        hostname: 'h',
        labels: {},
        agentVersion: '1',
      }),
    });
    expect(answer.status).toBe(401);
  });
});

describe('sessions', () => {
  it('opens with the signature of the key and not with another', async () => {
    const agent = await new TestAgent(origin).join();
    const thief = new TestAgent(origin);
    thief.target = agent.target;
    await expect(thief.open()).rejects.toEqual(failure('IDENTITY_PROOF_INVALID'));
    await agent.open();
    expect(agent.session!.expiresAt).toBeGreaterThan(Date.now());
  });

  it('refuses a challenge that was made for another target', async () => {
    const [one, other] = [await new TestAgent(origin).join(), await new TestAgent(origin).join()];
    const { challenge } = await one.client.call({
      method: 'POST',
      path: '/api/v1/agent/challenge',
      json: { target: one.target },
      answer: z.object({ challenge: z.string() }),
    });
    await expect(other.answer(challenge)).rejects.toEqual(failure('IDENTITY_PROOF_INVALID'));
  });

  it('tells a machine that never joined, so that it joins', async () => {
    const agent = new TestAgent(origin);
    agent.target = 'ab'.repeat(20);
    await expect(agent.open()).rejects.toEqual(failure('TARGET_NOT_FOUND'));
  });

  it('refuses a clone while the other lives, and renews for the same instance', async () => {
    const key = newKey();
    const agent = await new TestAgent(origin, { key }).join();
    await agent.open();
    const clone = await new TestAgent(origin, { key }).join();
    expect(clone.target).toBe(agent.target);
    await expect(clone.open()).rejects.toEqual(failure('DUPLICATE_IDENTITY'));
    await agent.open();
  });

  it('lets an agent that was killed start again as soon as its connection is gone', async () => {
    const key = newKey();
    const killed = await (await new TestAgent(origin, { key }).join()).open();
    const kill = new AbortController();
    const events = killed.events(kill.signal);
    await events.next();
    const again = await new TestAgent(origin, { key }).join();
    await expect(again.open()).rejects.toEqual(failure('DUPLICATE_IDENTITY'));
    kill.abort();
    await vi.waitFor(() => again.open(), { timeout: 10_000 });
  });

  it('ends with the target', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const admin = await origin.client();
    await admin.bytes({ method: 'DELETE', path: `/api/v1/targets/${agent.target}` });
    const follow = agent.client.call({
      method: 'PUT',
      path: '/api/v1/agent/follow',
      json: { apps: [] },
      answer: z.unknown(),
    });
    await expect(follow).rejects.toEqual(failure('TOKEN_INVALID'));
    await expect(agent.open()).rejects.toEqual(failure('TARGET_NOT_FOUND'));
  });

  it('is known after a restart of the origin', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const epoch = agent.session!.bootEpoch;
    await origin.restart();
    // The token is signed with the depot's secret: any process on the same depot accepts it.
    await agent.client.call({
      method: 'PUT',
      path: '/api/v1/agent/follow',
      json: { apps: [] },
      answer: z.unknown(),
    });
    await agent.open();
    expect(agent.session!.bootEpoch).not.toBe(epoch);
  });
});

describe('what agents may not', () => {
  it('keeps the fleet from agents and the agents’ routes from tokens', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    await expect(
      agent.client.call({ method: 'GET', path: '/api/v1/targets', answer: z.unknown() }),
    ).rejects.toEqual(failure('FORBIDDEN'));
    const admin = await origin.client();
    await expect(
      admin.call({
        method: 'PUT',
        path: '/api/v1/agent/follow',
        json: { apps: [] },
        answer: z.unknown(),
      }),
    ).rejects.toEqual(failure('FORBIDDEN'));
  });
});
