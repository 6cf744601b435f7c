import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Page, Target } from '#lib/contracts';

import { freshBytes } from '../support/content.js';
import { callApi } from '../support/origin-api.js';
import { until } from '../support/waiting.js';
import { ChaosFleet } from './chaos.fixture.js';
import { Driver } from './driver.js';

const AGENTS = 6;

let fleet: ChaosFleet;
let driver: Driver;
beforeAll(async () => {
  fleet = await ChaosFleet.start('agents');
  for (const nth of [0, 1, 2]) await fleet.replicas.start(nth);
  await fleet.addAgents(AGENTS);
  driver = new Driver(fleet);
  for (const version of ['1', '2']) {
    await driver.push(await fleet.sandbox.tree({ build: freshBytes(300_000) }), version);
  }
}, 300_000);
afterAll(() => fleet.stop());

/** Each target as one replica shows it. */
async function shownBy(nth: number): Promise<Record<string, string>> {
  const path = '/api/v1/targets?limit=100';
  const { body } = await callApi<Page<Target>>(fleet.replicas.origin(nth), 'GET', path);
  return Object.fromEntries(
    body.items.map(({ target, online, apps }) => {
      const states = apps.map(({ phase, current }) => `${phase} ${current}`);
      return [target, `${online ? 'online' : 'offline'} ${states.join()}`];
    }),
  );
}

/** Waits until replicas show the same of all targets: all of them there, and on this version. */
async function shownAlike(replicas: readonly number[], version: string): Promise<void> {
  await until(`replicas ${replicas.join()} show ${version}`, async () => {
    const shown = await Promise.all(replicas.map(shownBy));
    const states = shown.flatMap((targets) => Object.values(targets));
    const all = states.length === AGENTS * replicas.length;
    return all && states.every((state) => state === `online ACTIVE ${version}`);
  });
}

describe('agents behind a load balancer that knows nothing', () => {
  it('are shown alike by all replicas', async () => {
    await driver.move('1');
    await driver.settled();
    await shownAlike([0, 1, 2], '1');
    expect(await shownBy(0)).toEqual(await shownBy(2));
  });

  it('follow a channel that is moved through any replica, after one was killed', async () => {
    await fleet.replicas.kill(0);
    await driver.move('2');
    await driver.settled();
    await shownAlike([1, 2], '2');
    await fleet.replicas.start(0);
    await shownAlike([0, 1, 2], '2');
    expect(fleet.replicas.urls).toHaveLength(3);
  });

  it('come back with another process though their replica died with the one before', async () => {
    const [agent] = fleet.agents;
    await Promise.all([agent!.service.kill(), fleet.replicas.kill(1)]);
    const again = await fleet.sandbox.agent(fleet.origin, agent!.data, {
      args: ['--app', 'web@stable'],
    });
    fleet.agents[0] = again;
    const ready = await again.service.event('ready', 60_000);
    expect(ready).toMatchObject({ event: 'ready' });
    await fleet.replicas.start(1);
    await shownAlike([0, 1, 2], '2');
  });

  it('hear of a move while Redis is away', async () => {
    await fleet.redis.kill();
    await driver.move('1');
    await driver.settled();
    await fleet.redis.start();
    await shownAlike([0, 1, 2], '1');
    expect(driver.moves.at(-1)).toMatchObject({ version: '1' });
  });
});
