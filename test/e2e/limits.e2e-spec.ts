import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LimitsState, OriginLimits } from '#lib/contracts';

import { active, agentMetric, pushStable } from '../support/fleet.js';
import { Sandbox, type AgentProcess, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const MB = 1_000_000;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin(undefined, { args: ['--upload-limit', '1MB/s'] });
});
afterAll(() => sandbox.close());

/** What the agent has read from peers so far, bytes. */
function readBy(agent: AgentProcess): Promise<number> {
  return agentMetric(agent, 'fleetseed_agent_read_bytes_total');
}

/**
 * Which share of the rate the agent reads, over more than two seconds and after the first one. A machine
 * that is busy with something else gets a few tries to come near it; beyond it nobody may ever be.
 */
async function shareOf(agent: AgentProcess, rate: number): Promise<number> {
  await pause(1000);
  let share = 0;
  for (let tries = 0; tries < 4 && share < 0.95; tries++) {
    const [from, before] = [performance.now(), await readBy(agent)];
    await pause(2200);
    share = (((await readBy(agent)) - before) * 1000) / (performance.now() - from) / rate;
    // What is asked takes some milliseconds to be answered.
    expect(share).toBeLessThan(1.07);
  }
  return share;
}

describe('limits', () => {
  it('hold on both ends, and are changed while a transfer runs', async () => {
    const tree = await sandbox.tree({ file: randomBytes(40 * MIB) });
    const { artifact } = await pushStable(origin, tree, 'slow', '1');
    const args = ['--app', 'slow@stable', '--download-limit', '40Mbit/s'];
    const agent = await sandbox.agent(origin, undefined, { args });
    await agent.service.event('ready');
    await until('something has come', async () => (await readBy(agent)) > MB / 10);
    expect(await shareOf(agent, MB)).toBeGreaterThan(0.9);

    const limit = ['agent', 'limit', '--data', agent.data];
    const tighter = await origin.json<LimitsState>(...limit, '--down', '300kB/s');
    expect(tighter).toEqual({ upload: null, download: 300_000, artifacts: [] });
    expect(await shareOf(agent, 300_000)).toBeGreaterThan(0.9);
    const status = ['agent', 'status', '--data', agent.data];
    const { limits } = await origin.json<{ limits: LimitsState }>(...status);
    expect(limits).toEqual(tighter);

    const nothing = [...limit, '--down', 'off', '--artifact', 'slow@1'];
    expect(await origin.json(...nothing)).toEqual(tighter);
    await origin.json(...limit, '--down', 'off');
    const own = await origin.json<OriginLimits>('swarm', 'limit', 'slow@1', '--up', '600kB/s');
    const artifacts = [{ artifact, upload: 600_000, download: null }];
    const one = { download: null, seeders: 1 };
    expect(own).toEqual({ ...one, upload: MB, artifacts, set: {} });
    expect(await shareOf(agent, 600_000)).toBeGreaterThan(0.9);

    await origin.json('swarm', 'limit', artifact, '--up', 'off');
    const lifted = await origin.json<OriginLimits>('swarm', 'limit', '--up', 'off');
    expect(lifted).toEqual({ ...one, upload: null, artifacts: [], set: { upload: null } });
    await active(agent, '1');
  });

  it('are refused by the name of what is wrong', async () => {
    const wrong = await origin.run(['swarm', 'limit', '--up', 'fast']);
    expect(wrong).toMatchObject({ exit: 2, stderr: expect.stringContaining('--up "fast"') });
    const nobody = await origin.run(['agent', 'limit', '--data', sandbox.path('nowhere')]);
    expect(nobody).toMatchObject({ exit: 1, stderr: expect.stringContaining('agent.sock') });
    expect(nobody.stderr).toContain('AGENT_UNREACHABLE');
  });
});
