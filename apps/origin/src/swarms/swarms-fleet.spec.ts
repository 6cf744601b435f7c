import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { SwarmFrame, type AgentEvent, type PeerFrame } from '#lib/contracts';

import { TestFleet } from '../replicas/fleet.fixture.js';
import { TestAgent, type TestOrigin } from '../targets/agent.fixture.js';

let fleet: TestFleet;
let [a, b, c]: TestOrigin[] = [];
beforeAll(async () => {
  fleet = await TestFleet.start(3);
  [a, b, c] = fleet.replicas;
});
afterAll(() => fleet.close());

const frame: PeerFrame = {
  peer: 'whatever',
  label: 'host-1',
  role: 'agent',
  pieces: 'ff'.repeat(64),
  progress: 1,
  bytesPerSecondDown: 5,
  bytesPerSecondUp: 6,
  from: [{ peer: 'origin', bytes: 9 }],
};

async function until<T>(events: AsyncGenerator<T>, is: (event: T) => boolean): Promise<T> {
  for (;;) {
    const { done, value } = await events.next();
    if (done === true) throw new Error('The stream ended.');
    if (is(value)) return value;
  }
}

describe('a swarm that is watched at one replica', () => {
  it('is shown with the agents of others, and with the origin as the one peer that it is', async () => {
    const { artifact } = await a!.publish('live', '1', Buffer.from('live'));
    const agent = await (await new TestAgent(b!).join()).open();
    const stop = new AbortController();
    const events = agent.events(stop.signal);
    // Its report reaches a third replica, which tells the one that has the stream.
    await agent.at(c!).client.call({
      method: 'POST',
      path: '/api/v1/agent/report',
      json: { instance: agent.instance, freeBytes: 1, apps: [], holds: [artifact], ledger: [] },
      answer: z.unknown(),
    });
    // All replicas give the artifact.
    await a!.ticket(artifact);

    const watching = new AbortController();
    const admin = await a!.client();
    const path = `/api/v1/swarms/${artifact}/live`;
    const frames = admin.events(path, SwarmFrame, watching.signal);
    const isWatch = ({ type }: AgentEvent) => type === 'watch';
    const watch = until(events, isWatch);
    const all = until(frames, ({ peers }) => peers[0]?.label === 'origin (3 replicas)');
    expect(await watch).toEqual({ type: 'watch', artifact });
    expect((await all).peers).toMatchObject([{ peer: 'origin', role: 'origin', progress: 1 }]);

    const shown = until(frames, ({ peers }) => peers.some(({ role }) => role === 'agent'));
    await agent.at(c!).client.call({
      method: 'POST',
      path: '/api/v1/agent/frames',
      json: { frames: [{ artifact, frame }] },
      answer: z.unknown(),
    });
    const { peers } = await shown;
    expect(peers.filter(({ role }) => role === 'agent')).toEqual([
      { ...frame, peer: agent.target },
    ]);

    watching.abort();
    await frames.next().catch(() => undefined);
    expect(await until(events, ({ type }) => type === 'unwatch')).toMatchObject({ artifact });
    stop.abort();
    await events.next().catch(() => undefined);
  });
});
