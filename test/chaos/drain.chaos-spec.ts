import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Release, Target } from '#lib/contracts';

import { freshBytes } from '../support/content.js';
import { callApi } from '../support/origin-api.js';
import { RawUpload } from '../support/raw-upload.js';
import { announceOverUdp } from '../support/udp-tracker.js';
import { until } from '../support/waiting.js';
import { ChaosFleet } from './chaos.fixture.js';
import { Driver } from './driver.js';

const MIB = 1024 * 1024;
const AGENTS = 6;

let fleet: ChaosFleet;
let driver: Driver;
beforeAll(async () => {
  const args = [
    '--drain-seconds',
    '3',
    '--udp-tracker',
    '127.0.0.1:0',
    '--tracker-access',
    'known',
  ];
  fleet = await ChaosFleet.start('drain', args);
  await Promise.all([0, 1].map((nth) => fleet.replicas.start(nth)));
  driver = new Driver(fleet);
  await fleet.addAgents(AGENTS);
}, 600_000);
afterAll(() => fleet.stop());

async function releaseOf(version: string): Promise<Release> {
  const path = `/api/v1/apps/web/releases/${version}`;
  return (await callApi<Release>(fleet.origin, 'GET', path)).body;
}

describe('a replica that is asked to end', () => {
  it('sends everybody to the other one, and nothing is lost', async () => {
    const tree = () => fleet.sandbox.tree({ app: freshBytes(4 * MIB) });
    await driver.release(['1'], tree);
    await driver.settled();
    const { infoHashV2 } = await releaseOf('1');
    const hash = Buffer.from(infoHashV2.slice(0, 40), 'hex');

    const leaving = fleet.replicas.origin(0);
    const upload = new RawUpload(leaving, 'raw', '1', randomBytes(17 * MIB));
    await upload.start();
    expect((await upload.sendPart(0)).status).toBe(200);
    // On its way when the replica is asked to end.
    const underWay = upload.sendPart(1).then(
      ({ status }) => status,
      () => null,
    );
    const ended = fleet.replicas.stop(0);
    const readiness = async () => (await callApi(leaving, 'GET', '/readyz')).status === 503;
    await until('it is not ready', readiness, 2500);
    expect((await callApi(leaving, 'GET', '/healthz')).status).toBe(200);

    const query = `info_hash=${[...hash].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`;
    const rest = '&peer_id=-XX0000-000000000001&port=1&left=1&uploaded=0&downloaded=0&compact=1';
    const told = await callApi<string>(leaving, 'GET', `/announce?${query}${rest}`);
    expect(told.body).toMatch(/^d14:failure reason\d+:.*come back to another one.*8:retry ini1ee$/);
    const udp = await announceOverUdp(fleet.replicas.udpTrackerOf(0), hash, '/announce');
    expect(udp).toMatchObject({
      action: 'error',
      message: expect.stringContaining('come back to another one') as string,
    });

    expect(await ended).toBe(0);
    // Meanwhile CI goes on where it was, at the other one.
    upload.origin = fleet.origin;
    const has = await upload.received();
    const acknowledged = (await underWay) === 200 ? [0, 1] : [0];
    expect(has).toEqual(expect.arrayContaining(acknowledged));
    const missing = [...Array(upload.partCount).keys()].filter((part) => !has.includes(part));
    const statuses: number[] = [];
    for (const part of missing) statuses.push((await upload.sendPart(part)).status);
    expect(statuses).toEqual(missing.map(() => 200));
    expect((await upload.complete()).status).toBe(200);
    await until('the release', () => upload.release());

    await driver.release(['2'], tree);
    await driver.settled();
    const online = async () => {
      const path = '/api/v1/targets?limit=100';
      const { body } = await callApi<{ items: Target[] }>(fleet.origin, 'GET', path);
      return body.items.filter((target) => target.online).length === AGENTS;
    };
    await until('all agents are at the other one', online);
  });
});
