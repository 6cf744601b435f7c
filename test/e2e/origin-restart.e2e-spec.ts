import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { active, pushStable, staged } from '../support/fleet.js';
import { Sandbox } from '../support/sandbox.js';

const SIZE = 8 * 1024 * 1024;
const AGENTS = 20;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox.close());

it('an origin that is restarted under twenty seeding agents is told of them within ten seconds', async () => {
  const data = await sandbox.folder('origin');
  const origin = await sandbox.origin(data);
  await pushStable(origin, await sandbox.tree({ build: randomBytes(SIZE) }), 'web', '1');
  const args = ['--app', 'web@stable'];
  const start = () => sandbox.agent(origin, undefined, { args });
  const agents = await Promise.all(Array.from({ length: AGENTS }, start));
  await Promise.all(agents.map((agent) => active(agent, '1')));

  await origin.service.kill();
  await sandbox.origin(data, { listen: new URL(origin.url).host });
  await pause(10_000);
  const late = await start();
  const { fromPeers, fromOrigin } = await staged(late, '1');
  await active(late, '1');
  expect(fromPeers).toBeGreaterThanOrEqual(0.9 * SIZE);
  expect(fromPeers + fromOrigin).toBe(SIZE);
  // Nobody stumbled over it.
  expect(agents.filter(({ service }) => service.child.exitCode !== null)).toEqual([]);
});
