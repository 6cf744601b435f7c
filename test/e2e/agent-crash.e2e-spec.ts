import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Savings } from '#lib/contracts';

import {
  active,
  linkOf,
  pushStable,
  releaseFolders,
  staged,
  untilReported,
} from '../support/fleet.js';
import { Sandbox, type AgentProcess, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;
/** An agent with the identity of `first`, on another data folder. */
let first: AgentProcess;
let double: AgentProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
  first = await sandbox.agent(origin);
  await first.service.event('ready');
  const copy = await sandbox.folder('copied');
  mkdirSync(`${copy}/state`, { recursive: true });
  copyFileSync(`${first.data}/state/identity.json`, `${copy}/state/identity.json`);
  // It is given some time, in case the first one is its own last process: looked at in the end.
  double = await sandbox.agent(origin, copy);
});
afterAll(() => sandbox.close());

// Agents that were killed are let in again after seconds: the tests wait for that side by side.
describe.concurrent('an agent that is killed', () => {
  it('in the middle of a download keeps what was verified', async () => {
    const size = 32 * MIB;
    const content = randomBytes(size);
    const tree = await sandbox.tree({ 'lib/big': content });
    await pushStable(origin, tree, 'killed', '1');
    const args = ['--app', 'killed@stable', '--hostname', 'killed'];
    const slow = { args: [...args, '--download-limit', String(6 * MIB)] };
    const agent = await sandbox.agent(origin, undefined, slow);
    await untilReported(origin, 'killed', 'half of it is there', ({ progress }) => progress > 0.5);
    await agent.service.kill();
    expect(linkOf(agent, 'killed', 'current')).toBeNull();
    expect(releaseFolders(agent, 'killed')).toEqual([]);

    const again = await sandbox.agent(origin, agent.data, { args });
    const { fromOrigin, fromPeers, reused, wasted } = await staged(again, '1');
    await active(again, '1');
    const twice = fromOrigin + fromPeers + reused + wasted - size;
    expect(twice).toBeLessThanOrEqual(0.02 * size + MIB);
    // The account survived, too: of both tries only what came right before the kill is missing.
    expect(twice).toBeGreaterThanOrEqual(-0.2 * size);
    expect(fromOrigin).toBeGreaterThan(0.8 * size);
    const installed = `${again.data}/apps/killed/current/lib/big`;
    expect(readFileSync(installed).equals(content)).toBe(true);
    const residual = await until('the account arrives', async () => {
      const { artifacts } = await origin.json<Savings>('savings');
      return artifacts.find(({ app, stages }) => app === 'killed' && stages > 0);
    });
    expect(residual.delivered).toBe(size);
  });

  it('any time while it stages and activates shows only whole releases', async () => {
    const contents: Record<string, Buffer> = { 1: randomBytes(3 * MIB), 2: randomBytes(3 * MIB) };
    const push = async (version: string) => {
      const tree = await sandbox.tree({ version, big: contents[version]! });
      await pushStable(origin, tree, 'moments', version);
    };
    await push('1');
    const args = ['--app', 'moments@stable'];
    const killed = await Promise.all(
      Array.from({ length: 6 }, async (_, moment) => {
        const agent = await sandbox.agent(origin, undefined, { args });
        await agent.service.event('ready');
        await pause(moment * 50);
        await agent.service.kill();
        return agent.data;
      }),
    );
    await push('2');
    await Promise.all(
      killed.map(async (data) => {
        const shown = (): string | null => {
          const current = `${data}/apps/moments/current`;
          if (!existsSync(current)) return null;
          const version = readFileSync(`${current}/version`, 'utf8');
          const isWhole = readFileSync(`${current}/big`).equals(contents[version]!);
          return isWhole ? version : 'broken';
        };
        expect([null, '1']).toContain(shown());
        const agent = await sandbox.agent(origin, data, { args });
        await active(agent, '2');
        expect(shown()).toBe('2');
        await agent.service.kill();
      }),
    );
  });
});

describe.concurrent('an agent whose origin is down', () => {
  it('waits, is ready when it comes, and meanwhile leaves what runs alone', async () => {
    const data = await sandbox.folder('origin');
    let own = await sandbox.origin(data);
    const listen = new URL(own.url).host;
    const tree = await sandbox.tree({ run: 'v1' });
    await pushStable(own, tree, 'web', '1');
    const args = ['--app', 'web@stable'];
    let agent = await sandbox.agent(own, undefined, { args });
    await active(agent, '1');
    await own.service.kill();
    await agent.service.kill();

    agent = await sandbox.agent(own, agent.data, { args });
    const fresh = await sandbox.agent(own, undefined, { args });
    for (const { service } of [agent, fresh]) {
      await until('it noticed', () => service.stderr.includes('ORIGIN_UNREACHABLE'));
      expect(service.events).toEqual([]);
      expect(service.child.exitCode).toBeNull();
    }
    expect(readFileSync(`${agent.data}/apps/web/current/run`, 'utf8')).toBe('v1');

    own = await sandbox.origin(data, { listen });
    await agent.service.event('ready');
    await fresh.service.event('ready');
    await active(fresh, '1');
    expect(readFileSync(`${agent.data}/apps/web/current/run`, 'utf8')).toBe('v1');
    await pushStable(own, await sandbox.tree({ run: 'v2' }), 'web', '2');
    await active(agent, '2');
  });
});

describe('two agents that would be one', () => {
  it('are refused on one data folder, by its name', async () => {
    const second = await sandbox.agent(origin, first.data);
    expect(await second.service.ended).toBe(5);
    expect(second.service.stderr).toContain('DATA_FOLDER_IN_USE');
    expect(second.service.stderr).toContain(first.data);
    expect(first.service.child.exitCode).toBeNull();
  });

  it('are refused with one identity, by that name; the first goes on', async () => {
    await until('it is refused', () => double.service.stderr.includes('DUPLICATE_IDENTITY'));
    expect(await double.service.ended).toBe(5);
    expect(double.service.events).toEqual([]);
    expect(first.service.child.exitCode).toBeNull();
    const { items } = await origin.json<{ items: { online: boolean }[] }>('target', 'list');
    expect(items.filter(({ online }) => online).length).toBeGreaterThan(0);
  });
});
