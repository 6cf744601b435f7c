import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { active, agentMetric, pushStable } from '../support/fleet.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';

const SIZE = 24 * 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

it('agents that are told their zone leave to each other what comes from other zones', async () => {
  const started = ['a', 'a', 'a', 'b', 'b', 'b'].map((zone) => {
    // No machine is so quick that it has everything before the others are there.
    const limits = ['--download-limit', '6MB/s', '--upload-limit', '6MB/s'];
    const args = ['--app', 'web@stable', '--label', `zone=${zone}`, ...limits];
    return sandbox.agent(origin, undefined, { args });
  });
  const agents = await Promise.all(started);
  await Promise.all(agents.map(({ service }) => service.event('ready')));
  await pushStable(origin, await sandbox.tree({ file: randomBytes(SIZE) }), 'web', '1');
  await Promise.all(agents.map((agent) => active(agent, '1')));
  const across = await Promise.all(
    agents.map((agent) => agentMetric(agent, 'fleetseed_agent_other_zones_bytes_total')),
  );
  const copies = across.reduce((sum, bytes) => sum + bytes, 0) / SIZE;
  // One is what the zones lack when the origin gave each of them half; without knowing it would be three.
  expect(copies).toBeGreaterThan(0.5);
  expect(copies).toBeLessThan(2.4);
});
