import { afterAll, beforeAll, expect, it } from 'vitest';

import { freshBytes } from '../support/content.js';
import { callApi } from '../support/origin-api.js';
import { treePicture } from '../support/tree-picture.js';
import { ChaosFleet } from './chaos.fixture.js';
import { Driver } from './driver.js';

const ROLES = ['api', 'tracker', 'seed', 'work'] as const;

let fleet: ChaosFleet;
beforeAll(async () => {
  fleet = await ChaosFleet.start('roles', [], (replicas) => (path) => {
    if (/^\/(?:announce|scrape)/.test(path)) return [replicas.urlOf(1)];
    return [replicas.urlOf(path.startsWith('/webseed') ? 2 : 0)];
  });
  await Promise.all(ROLES.map((role, nth) => fleet.replicas.start(nth, ['--roles', role])));
  await fleet.addAgents(3);
}, 600_000);
afterAll(() => fleet.stop());

it('four replicas with a role each are one service', async () => {
  const driver = new Driver(fleet);
  const tree = await fleet.sandbox.tree({ app: freshBytes(3 * 1024 * 1024), small: 'x' });
  await driver.push(tree, '1');
  await driver.move('1');
  await driver.settled();
  for (const { data } of fleet.agents) {
    expect(treePicture(`${data}/apps/web/current`)).toEqual(treePicture(tree));
  }
});

it('and each tells of itself, and refuses by name what it does not do', async () => {
  for (const nth of [1, 2, 3]) {
    const origin = fleet.replicas.origin(nth);
    expect((await callApi(origin, 'GET', '/readyz')).status).toBe(200);
    expect((await callApi(origin, 'GET', '/metrics')).status).toBe(200);
    const { status, body } = await callApi(origin, 'GET', '/api/v1/apps');
    expect([status, body.code]).toEqual([421, 'ROLE_NOT_HERE']);
    expect(body.detail).toContain(ROLES[nth]);
  }
  const announce = await callApi<string>(fleet.replicas.origin(0), 'GET', '/announce?info_hash=x');
  expect(announce.body).toContain('ROLE_NOT_HERE');
});
