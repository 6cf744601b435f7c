import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Release, Savings } from '#lib/contracts';

import { listTree } from '../support/content.js';
import { active, linkOf, pushStable, staged } from '../support/fleet.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

interface Done {
  readonly bytes: number;
  readonly fromOrigin: number;
  readonly fromPeers: number;
  readonly reused: number;
}

async function pull(reference: string): Promise<{ out: string; done: Done }> {
  const out = await sandbox.folder('out');
  return { out, done: await origin.json<Done>('pull', reference, '--out', out) };
}

describe('an agent', () => {
  it('follows its channel, keeps the release before, and goes back without the network', async () => {
    const common = randomBytes(4 * MIB);
    const trees = {
      1: await sandbox.tree({ 'lib/common': common, own: randomBytes(2 * MIB), version: '1' }),
      2: await sandbox.tree({ 'lib/common': common, own: randomBytes(2 * MIB), version: '2' }),
    };
    const { artifact } = await pushStable(origin, trees[1], 'web', '1');
    const args = ['--app', 'web@stable', '--hostname', 'follower'];
    const agent = await sandbox.agent(origin, undefined, { args });
    await active(agent, '1');
    expect(linkOf(agent, 'web', 'current')).toBe(`releases/1-${artifact.slice(0, 12)}`);
    expect(linkOf(agent, 'web', 'previous')).toBeNull();
    expect(await listTree(`${agent.data}/apps/web/current`)).toEqual(await listTree(trees[1]));

    await pushStable(origin, trees[2], 'web', '2');
    await active(agent, '2');
    expect(await staged(agent, '2')).toMatchObject({ fromPeers: 0, reused: 4 * MIB });
    expect(linkOf(agent, 'web', 'previous')).toBe(`releases/1-${artifact.slice(0, 12)}`);
    expect(await listTree(`${agent.data}/apps/web/current`)).toEqual(await listTree(trees[2]));

    const before = await savingsOf('web');
    const events = agent.service.events.length;
    await origin.json('channel', 'set', 'web@stable', '1');
    await until('it is back', () => {
      const since = agent.service.events.slice(events);
      return since.some(({ event, version }) => event === 'active' && version === '1');
    });
    expect(readFileSync(`${agent.data}/apps/web/current/version`, 'utf8')).toBe('1');
    expect(linkOf(agent, 'web', 'previous')).toMatch(/^releases\/2-/);
    // Nothing was staged for it: not a byte travelled.
    const since = agent.service.events.slice(events);
    expect(since.filter(({ event }) => event === 'staged')).toEqual([]);
    expect(await savingsOf('web')).toEqual(before);
  });

  async function savingsOf(app: string) {
    const { artifacts } = await origin.json<Savings>('savings');
    const lines = artifacts.filter((line) => line.app === app);
    return lines.map(({ version, delivered, origin: sent }) => ({ version, delivered, sent }));
  }

  it('stages what its channel pointed to when it comes late, and only that', async () => {
    for (const version of ['1', '2', '3']) {
      const tree = await sandbox.tree({ version });
      await pushStable(origin, tree, 'late', version);
    }
    const agent = await sandbox.agent(origin, undefined, { args: ['--app', 'late@stable'] });
    await active(agent, '3');
    const stagedVersions = agent.service.events.filter(({ event }) => event === 'staged');
    expect(stagedVersions.map(({ version }) => version)).toEqual(['3']);
  });

  it('waits for an app that does not exist yet', async () => {
    const agent = await sandbox.agent(origin, undefined, { args: ['--app', 'coming@stable'] });
    await agent.service.event('ready');
    await pushStable(origin, await sandbox.tree({ version: '1' }), 'coming', '1');
    await active(agent, '1');
    expect(readFileSync(`${agent.data}/apps/coming/current/version`, 'utf8')).toBe('1');
  });
});

describe('pull', () => {
  it('takes what was pushed by curl', async () => {
    const content = randomBytes(2 * MIB);
    const folder = await sandbox.tree({ 'build.tgz': content });
    const url = `${origin.url}/api/v1/apps/curl/releases/1/content?name=build.tgz`;
    const header = `Authorization: Bearer ${origin.adminToken}`;
    const curl = ['-sS', '--fail', '-T', `${folder}/build.tgz`, '-H', header, url];
    const { stdout } = await promisify(execFile)('curl', curl);
    expect(JSON.parse(stdout) as Release).toMatchObject({ version: '1', bytes: 2 * MIB });
    const { out } = await pull('curl@1');
    expect(readFileSync(`${out}/build.tgz`).equals(content)).toBe(true);
  });

  it.each([0, 1, 16_384, 16_385])('brings a file of %i bytes', async (length) => {
    const content = randomBytes(length);
    const file = `${await sandbox.tree({ small: content })}/small`;
    await pushStable(origin, file, 'small', `${length}`);
    const { out, done } = await pull(`small@${length}`);
    expect(done.bytes).toBe(length);
    expect(readFileSync(`${out}/small`).equals(content)).toBe(true);
  });

  it('brings a tree exactly: names, modes, links, empty files and folders', async () => {
    const tree = await sandbox.tree({
      'bin/run': { content: '#!/bin/sh\n', mode: 0o755 },
      'données/ключ-鍵-🔑': 'unicode',
      'data with spaces/a%2fb': 'percent',
      '-rf': 'dash',
      'lib/big': randomBytes(2 * MIB),
      'lib/same': 'twice',
      'lib/same again': 'twice',
      empty: '',
    });
    mkdirSync(`${tree}/var/empty`, { recursive: true });
    symlinkSync('../lib/./big', `${tree}/bin/exact`);
    symlinkSync('lib', `${tree}/folder`);
    symlinkSync('nothing/there', `${tree}/dangling`);
    chmodSync(`${tree}/lib/big`, 0o600);
    await pushStable(origin, tree, 'tree', '1');
    const { out } = await pull('tree@1');
    const expected = await listTree(tree);
    expect(await listTree(`${out}/tree`)).toEqual(expected);
    const agent = await sandbox.agent(origin, undefined, { args: ['--app', 'tree@stable'] });
    await active(agent, '1');
    expect(await listTree(`${agent.data}/apps/tree/current`)).toEqual(expected);
  });

  it('of what is not there, or without leave, says so by its exit code', async () => {
    const file = `${await sandbox.tree({ a: 'x' })}/a`;
    await pushStable(origin, file, 'there', '1');
    const tries = [
      { reference: 'nowhere@1', token: origin.adminToken, exit: 4, code: 'APP_NOT_FOUND' },
      { reference: 'there@2', token: origin.adminToken, exit: 4, code: 'VERSION_NOT_FOUND' },
      { reference: 'there@1', token: 'nonsense', exit: 3, code: 'TOKEN_INVALID' },
      { reference: 'there@1', token: '', exit: 3, code: 'TOKEN_MISSING' },
    ];
    for (const { reference, token, exit, code } of tries) {
      const out = await sandbox.folder('out');
      const outcome = await origin.run(['pull', reference, '--out', out, '--json'], {
        FLEETSEED_TOKEN: token,
      });
      expect(outcome.exit).toBe(exit);
      expect(outcome.json()).toMatchObject({ error: { code } });
      expect(await listTree(out)).toEqual([]);
    }
  });
});

describe('the account', () => {
  it('reconciles: what was delivered is what came from somewhere', async () => {
    const own = await sandbox.origin();
    const size = 12 * MIB;
    await pushStable(own, await sandbox.tree({ build: randomBytes(size) }), 'web', '1');
    const args = ['--app', 'web@stable'];
    const agents = [];
    for (let count = 0; count < 3; count++) {
      const agent = await sandbox.agent(own, undefined, { args });
      agents.push(agent);
      await active(agent, '1');
    }
    const events = await Promise.all(agents.map((agent) => staged(agent, '1')));
    const sum = (of: 'fromOrigin' | 'fromPeers' | 'reused' | 'wasted') =>
      events.reduce((total, event) => total + event[of], 0);
    const savings = await until('all three have reported', async () => {
      const told = await own.json<Savings>('savings');
      return told.delivered === 3 * size && told;
    });
    expect(savings).toMatchObject({
      delivered: 3 * size,
      peers: sum('fromPeers'),
      reused: 0,
      wasted: sum('wasted'),
      residual: 0,
    });
    expect(savings.delivered).toBe(sum('fromOrigin') + savings.peers + savings.reused);
    // The origin counts what it sent by itself: what came twice is in it.
    expect(savings.origin).toBeGreaterThanOrEqual(sum('fromOrigin'));
    // Help for who stands still, as on a busy machine, is outside the budget of copies.
    const { first = NaN, rare = NaN } = savings.originByReason;
    expect(first + rare).toBeLessThanOrEqual(1.2 * size);
    expect(savings.ratio).toBeCloseTo(1 - savings.origin / savings.delivered, 6);
    expect(savings.artifacts).toMatchObject([{ app: 'web', version: '1', stages: 3 }]);
  });
});
