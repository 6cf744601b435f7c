import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { Target, type AgentEvent, type TargetApp } from '#lib/contracts';

import { TestFleet } from '../replicas/fleet.fixture.js';
import { TestAgent, type TestOrigin } from './agent.fixture.js';

let fleet: TestFleet;
let a: TestOrigin;
let b: TestOrigin;
const stops: AbortController[] = [];
beforeEach(async () => {
  fleet = await TestFleet.start(2, { roles: 'api,tracker,work' });
  [a, b] = fleet.replicas as [TestOrigin, TestOrigin];
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await fleet.close();
});

const stable = (app: string) => [{ app, channel: 'stable' }];
const refused = expect.objectContaining({ code: 'DUPLICATE_IDENTITY' });
/** Longer than any replica needs to notice what it was not told. */
const SOON = { timeout: 15_000, interval: 50 };

/** The versions that an agent was told of, as they come. */
class Told {
  readonly versions: (string | null)[] = [];
  /** Of the tracker: another one means that what replicas share was lost. */
  readonly epochs: string[] = [];
  isOpen = false;
  readonly stop = new AbortController();

  constructor(agent: TestAgent, apps = stable('web')) {
    stops.push(this.stop);
    void this.#follow(agent.events(this.stop.signal, apps)).catch(() => undefined);
  }

  async #follow(events: AsyncGenerator<AgentEvent>): Promise<void> {
    for await (const event of events) {
      this.isOpen = true;
      if (event.type === 'hello') this.epochs.push(event.bootEpoch);
      if (event.type !== 'desired') continue;
      for (const each of event.apps) this.versions.push(each.release?.version ?? null);
    }
    this.isOpen = false;
  }
}

async function joined(origin: TestOrigin): Promise<TestAgent> {
  return (await new TestAgent(origin).join()).open();
}

async function shown(origin: TestOrigin, target: string): Promise<Target> {
  const client = await origin.client();
  return client.call({ method: 'GET', path: `/api/v1/targets/${target}`, answer: Target });
}

function report(agent: TestAgent, apps: TargetApp[], holds: string[] = []): Promise<unknown> {
  return agent.client.call({
    method: 'POST',
    path: '/api/v1/agent/report',
    json: { instance: agent.instance, freeBytes: 7, apps, holds, ledger: [] },
    answer: z.unknown(),
  });
}

function follow(agent: TestAgent, app: string): Promise<{ apps: { app: string }[] }> {
  return agent.client.call({
    method: 'PUT',
    path: '/api/v1/agent/follow',
    json: { apps: stable(app) },
    answer: z.object({ apps: z.array(z.looseObject({ app: z.string() })) }),
  });
}

const staging: TargetApp = {
  app: 'web',
  channel: 'stable',
  wanted: '1',
  current: null,
  previous: null,
  phase: 'STAGING',
  artifact: null,
  progress: 0.5,
  bytesPerSecond: 1,
  error: null,
};

describe('an agent whose stream is at another replica', () => {
  it('hears at once of a channel that is moved, and of what it follows since', async () => {
    await a.publish('web', '1', Buffer.from('one'));
    await a.publish('api', '7', Buffer.from('seven'), 'stable');
    const agent = await joined(a);
    const told = new Told(agent.at(b));
    await expect.poll(() => told.versions, SOON).toEqual([null]);
    await a.moveChannel('web', 'stable', '1');
    await expect.poll(() => told.versions, SOON).toEqual([null, '1']);
    const { apps } = await follow(agent, 'api');
    expect(apps).toMatchObject([{ app: 'api', release: { version: '7' } }]);
    await expect.poll(() => told.versions, SOON).toEqual([null, '1', '7']);
  });

  it('hears within seconds of a channel that is moved while Redis is away', async () => {
    await a.publish('web', '1', Buffer.from('one'), 'stable');
    await a.publish('web', '2', Buffer.from('two'));
    const agent = await joined(a);
    const told = new Told(agent.at(b));
    await expect.poll(() => told.versions, SOON).toEqual(['1']);
    await fleet.redis.kill();
    await a.moveChannel('web', 'stable', '2');
    await expect.poll(() => told.versions, SOON).toEqual(['1', '2']);
  });
});

describe('the same agent at several replicas', () => {
  it('is shown alike by all, with what it said at any of them', async () => {
    const agent = await joined(a);
    const told = new Told(agent.at(b), []);
    await report(agent, [staging]);
    for (const replica of [a, b]) {
      await expect
        .poll(() => shown(replica, agent.target), SOON)
        .toMatchObject({ online: true, freeBytes: 7, apps: [{ progress: 0.5 }] });
    }
    await report(agent.at(b), [{ ...staging, progress: 1 }]);
    await expect
      .poll(() => shown(a, agent.target), SOON)
      .toMatchObject({ apps: [{ progress: 1 }] });
    expect(told.isOpen).toBe(true);
  });

  it('is known to a replica that begins later', async () => {
    const online = await joined(a);
    const off = await joined(b);
    new Told(online, []);
    await report(online, [staging]);
    await report(off, [{ ...staging, progress: 0.25 }]);
    const late = await fleet.another();
    try {
      await expect
        .poll(() => shown(late, online.target), SOON)
        .toMatchObject({ online: true, apps: [{ progress: 0.5 }] });
      const lastSeenAt = (await shown(b, off.target)).lastSeenAt;
      await expect
        .poll(async () => Math.abs((await shown(late, off.target)).lastSeenAt - lastSeenAt), SOON)
        .toBeLessThan(1000);
    } finally {
      await late.close();
    }
  });

  it('is shown alike again after Redis was away, with what it said meanwhile', async () => {
    const agent = await joined(a);
    // The stream is at one replica, and what it says while nobody hears it reaches the other.
    new Told(agent.at(b), []);
    await report(agent, [staging]);
    await fleet.redis.kill();
    await report(agent, [{ ...staging, progress: 0.75 }]);
    await fleet.redis.start();
    await expect
      .poll(() => shown(b, agent.target), SOON)
      .toMatchObject({ online: true, apps: [{ progress: 0.75 }] });
  });

  it('ends everywhere when it is removed at one', async () => {
    const agent = await joined(a);
    await follow(agent.at(b), 'web');
    const admin = await a.client();
    await admin.bytes({ method: 'DELETE', path: `/api/v1/targets/${agent.target}` });
    const code = () =>
      follow(agent.at(b), 'web').then(String, (error: { code: string }) => error.code);
    await expect.poll(code, SOON).toBe('TOKEN_INVALID');
  });
});

describe('two agents with one identity', () => {
  it('are told apart, whichever replicas they reach', async () => {
    const first = await joined(a);
    const told = new Told(first);
    await expect.poll(() => told.isOpen, SOON).toBe(true);
    const second = await new TestAgent(b, { key: first.key }).join();
    await expect(second.open()).rejects.toEqual(refused);
    // The same one is welcome everywhere, whatever became of the replica that it was at.
    await first.at(b).open();
    told.stop.abort();
    await expect
      .poll(
        () =>
          second.open().then(
            () => true,
            () => false,
          ),
        SOON,
      )
      .toBe(true);
    await expect(first.at(a).open()).rejects.toEqual(refused);
  });

  it('are told apart again as soon as it is seen that Redis was emptied', async () => {
    const first = await joined(a);
    const told = new Told(first);
    await expect.poll(() => told.epochs.length, SOON).toBe(1);
    await fleet.redis.empty();
    await expect.poll(() => told.epochs.length, SOON).toBe(2);
    const second = await new TestAgent(b, { key: first.key }).join();
    await expect(second.open()).rejects.toEqual(refused);
    expect(told.isOpen).toBe(true);
  });

  it('are told apart again as soon as replicas are back at a Redis that lost everything', async () => {
    const first = await joined(a);
    const told = new Told(first);
    await expect.poll(() => told.epochs.length, SOON).toBe(1);
    await fleet.redis.kill();
    await fleet.redis.start();
    const late = await fleet.another();
    try {
      // Which it hears from the replica that has the stream, and that can hear it again.
      await expect.poll(() => shown(late, first.target), SOON).toMatchObject({ online: true });
      const second = await new TestAgent(late, { key: first.key }).join();
      await expect(second.open()).rejects.toEqual(refused);
      expect(told.isOpen).toBe(true);
    } finally {
      await late.close();
    }
  });

  it('are told apart by each replica alone while Redis is away', async () => {
    const first = await joined(a);
    const told = new Told(first);
    await expect.poll(() => told.isOpen, SOON).toBe(true);
    await fleet.redis.kill();
    const second = await new TestAgent(a, { key: first.key }).join();
    await expect(second.open()).rejects.toEqual(refused);
    await first.at(b).open();
    expect(told.isOpen).toBe(true);
  });
});
