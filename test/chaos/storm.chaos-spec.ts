import { afterAll, beforeAll, expect, it } from 'vitest';

import type { ChannelState, Release } from '#lib/contracts';

import { freshBytes } from '../support/content.js';
import { callApi } from '../support/origin-api.js';
import { treePicture } from '../support/tree-picture.js';
import { ChaosFleet } from './chaos.fixture.js';
import { Driver } from './driver.js';

const MIB = 1024 * 1024;
const AGENTS = 20;

let fleet: ChaosFleet;
let driver: Driver;
beforeAll(async () => {
  fleet = await ChaosFleet.start('storm');
  for (const nth of [0, 1, 2]) await fleet.replicas.start(nth);
  await fleet.addAgents(AGENTS);
  driver = new Driver(fleet);
}, 300_000);
afterAll(() => fleet.stop());

it('delivers', { timeout: 200_000 }, async () => {
  const tree = await fleet.sandbox.tree({ a: freshBytes(4 * MIB), b: freshBytes(1000) });
  await driver.push(tree, '1');
  await driver.move('1');
  await driver.settled();
  for (const agent of fleet.agents) {
    expect(treePicture(`${agent.data}/apps/web/current`)).toEqual(treePicture(tree));
  }
  const releases = await callApi<{ items: Release[] }>(
    fleet.origin,
    'GET',
    '/api/v1/apps/web/releases',
  );
  console.log(releases.body.items.length, JSON.stringify(await fleet.origin.json('savings')));
  const head = await callApi<ChannelState>(fleet.origin, 'GET', '/api/v1/apps/web/channels/stable');
  console.log(head.body);
});
