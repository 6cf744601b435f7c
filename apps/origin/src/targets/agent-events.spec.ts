import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { SwarmFrame, TicketsAnswer, type AgentEvent, type PeerFrame } from '#lib/contracts';

import { TestAgent, TestOrigin } from './agent.fixture.js';

let origin: TestOrigin;
beforeAll(async () => {
  origin = await TestOrigin.start();
});
afterAll(() => origin.close());

async function anAgent(): Promise<TestAgent> {
  return (await new TestAgent(origin).join()).open();
}

const stable = (app: string) => [{ app, channel: 'stable' }];

async function next(events: AsyncGenerator<AgentEvent>): Promise<AgentEvent> {
  const { value, done } = await events.next();
  if (done) throw new Error('The stream ended.');
  return value;
}

const wanted = (event: AgentEvent) =>
  event.type === 'desired' ? event.apps.map((each) => each.release?.version ?? null) : event;

describe('POST /agent/events', () => {
  it('says hello, what is wanted, and what is wanted next', async () => {
    await origin.publish('web', '1', Buffer.from('one'));
    await origin.publish('web', '2', Buffer.from('two'));
    const agent = await anAgent();
    const stop = new AbortController();
    const events = agent.events(stop.signal, stable('web'));
    expect(await next(events)).toEqual({ type: 'hello', bootEpoch: agent.session!.bootEpoch });
    expect(wanted(await next(events))).toEqual([null]);
    await origin.moveChannel('web', 'stable', '1');
    expect(wanted(await next(events))).toEqual(['1']);
    await origin.moveChannel('web', 'stable', '2');
    const moved = await next(events);
    expect(moved).toMatchObject({
      type: 'desired',
      apps: [{ app: 'web', channel: 'stable', sequence: 2, activate: true }],
    });
    expect(wanted(moved)).toEqual(['2']);
    stop.abort();
    await events.next().catch(() => undefined);
  });

  it('tells what is wanted of other apps when the agent follows others', async () => {
    await origin.publish('db', '3', Buffer.from('three'), 'stable');
    const agent = await anAgent();
    const stop = new AbortController();
    const events = agent.events(stop.signal);
    await next(events);
    expect(wanted(await next(events))).toEqual([]);
    const { apps } = await agent.client.call({
      method: 'PUT',
      path: '/api/v1/agent/follow',
      json: { apps: stable('db') },
      answer: z.object({ apps: z.array(z.unknown()) }),
    });
    expect(apps).toMatchObject([{ app: 'db', release: { version: '3' } }]);
    expect(wanted(await next(events))).toEqual(['3']);
    stop.abort();
    await events.next().catch(() => undefined);
  });

  it('gives an agent that was away the newest at once', async () => {
    await origin.publish('api', '7', Buffer.from('seven'), 'stable');
    const agent = await anAgent();
    const stop = new AbortController();
    const events = agent.events(stop.signal, stable('api'));
    await next(events);
    expect(wanted(await next(events))).toEqual(['7']);
    stop.abort();
    await events.next().catch(() => undefined);
  });
});

describe('POST /agent/tickets', () => {
  it('gives tickets for what is there and leaves out what is not', async () => {
    const release = await origin.publish('tic', '1', Buffer.from('ticket'));
    const agent = await anAgent();
    const { tickets } = await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/tickets',
      json: { artifacts: [release.artifact, 'ab'.repeat(32)] },
      answer: TicketsAnswer,
    });
    expect(tickets.map((ticket) => ticket.artifact)).toEqual([release.artifact]);
    expect(tickets[0]!.announce[0]![0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/announce\/a\./);
  });
});

async function firstWithAgents(frames: AsyncGenerator<SwarmFrame>): Promise<SwarmFrame> {
  for await (const frame of { [Symbol.asyncIterator]: () => ({ next: () => frames.next() }) }) {
    if (frame.peers.some(({ role }) => role === 'agent')) return frame;
  }
  throw new Error('The live view ended.');
}

describe('the live view', () => {
  const frame = (peer: string): PeerFrame => ({
    peer,
    label: 'host-1',
    role: 'origin',
    pieces: 'ff'.repeat(64),
    progress: 1,
    bytesPerSecondDown: 5,
    bytesPerSecondUp: 6,
    from: [{ peer: 'origin', bytes: 9 }],
  });

  it('asks agents for frames while somebody watches, and shows them under their own names', async () => {
    const { artifact } = await origin.publish('live', '1', Buffer.from('live'));
    const agent = await anAgent();
    await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/report',
      json: { instance: agent.instance, freeBytes: 1, apps: [], holds: [artifact], ledger: [] },
      answer: z.unknown(),
    });
    const stop = new AbortController();
    const events = agent.events(stop.signal, stable('live'));
    await next(events);
    await next(events);

    const watching = new AbortController();
    const admin = await origin.client();
    const path = `/api/v1/swarms/${artifact}/live`;
    const frames = admin.events(path, SwarmFrame, watching.signal);
    const others = admin.events(path, SwarmFrame, watching.signal);
    const both = Promise.all([frames.next(), others.next()]);
    expect(await next(events)).toEqual({ type: 'watch', artifact });
    await both;
    await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/frames',
      json: { frames: [{ artifact, frame: frame('somebody-else') }] },
      answer: z.unknown(),
    });
    const shown = await firstWithAgents(frames);
    expect(shown.peers.filter((peer) => peer.role === 'agent')).toEqual([
      { ...frame(agent.target), role: 'agent' },
    ]);
    // Bytes of a frame count once, and yet for everybody who looks.
    expect(await firstWithAgents(others)).toEqual(shown);
    watching.abort();
    await others.next().catch(() => undefined);
    await frames.next().catch(() => undefined);
    expect(await next(events)).toEqual({ type: 'unwatch', artifact });
    stop.abort();
    await events.next().catch(() => undefined);
  });
});
