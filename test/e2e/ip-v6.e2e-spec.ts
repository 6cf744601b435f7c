import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SwarmSummary } from '#lib/contracts';

import { listTree } from '../support/content.js';
import { active, pushStable, staged } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { announceOverUdp } from '../support/udp-tracker.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const V6 = '[::1]:0';

interface Done {
  readonly bytes: number;
  readonly fromOrigin: number;
  readonly fromPeers: number;
}

/** A machine without IPv6 has nothing to test here. */
const hasV6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1');

describe.runIf(hasV6)('a fleet without IPv4', () => {
  let sandbox: Sandbox;
  let origin: OriginProcess;
  let ready: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    sandbox = await Sandbox.create('fleetseed-v6');
    const args = ['--peer-listen', V6, '--udp-tracker', V6];
    origin = await sandbox.origin(undefined, { listen: V6, args });
    ready = await origin.service.event('ready');
  });
  afterAll(() => sandbox.close());

  it('is told IPv6 addresses of everything', () => {
    expect(origin.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(ready['peer']).toMatch(/^\[::1\]:\d+$/);
    expect(ready['udpTracker']).toMatch(/^udp:\/\/\[::1\]:\d+$/);
    expect(ready['tracker']).toContain('[::1]');
  });

  it('delivers: from the origin to agents, from agents to a pull', async () => {
    const tree = await sandbox.tree({ 'a/b': randomBytes(3 * MIB), c: 'small' });
    const { artifact } = await pushStable(origin, tree, 'web', '1');
    const args = ['--listen', V6, '--app', 'web@stable'];
    const agent = await sandbox.agent(origin, undefined, { args });
    await active(agent, '1');
    expect(await listTree(`${agent.data}/apps/web/current`)).toEqual(await listTree(tree));
    const { fromOrigin } = (await staged(agent, '1')) as unknown as Done;
    expect(fromOrigin).toBe(3 * MIB + 5);

    // Two machines that are known to have it are enough for the origin to give nothing.
    const other = await sandbox.agent(origin, undefined, { args });
    await active(other, '1');
    await until('both are known as seeds', async () => {
      const { body } = await callApi<SwarmSummary>(origin, 'GET', `/api/v1/swarms/${artifact}`);
      return body.seeds >= 2;
    });
    const out = await sandbox.folder('out');
    const done = await origin.json<Done>('pull', 'web@1', '--out', out, '--listen', V6);
    expect(done.bytes).toBe(3 * MIB + 5);
    expect(done.fromPeers).toBe(done.bytes);
    expect(readFileSync(`${out}/web/c`, 'utf8')).toBe('small');

    const torrent = sandbox.path('web.torrent');
    await origin.json('torrent', 'get', 'web@1', '--out', torrent);
    const { announce } = await origin.json<{ announce: string[][] }>('torrent', 'inspect', torrent);
    const udpUrl = announce.flat().find((url) => url.startsWith('udp:'))!;
    expect(udpUrl).toContain('[::1]');
    const infoHash = Buffer.from(artifact, 'hex').subarray(0, 20);
    const told = await announceOverUdp(udpUrl, infoHash, new URL(udpUrl).pathname);
    expect(told).toMatchObject({ action: 'announce' });
    const peers = told.action === 'announce' ? told.peers : [];
    expect(peers.length).toBeGreaterThan(0);
    expect(peers.every(({ host }) => host === '::1')).toBe(true);
  });

  it('reaches peers at the address that they advertise', async () => {
    const file = await sandbox.tree({ 'one.bin': randomBytes(2 * MIB) });
    await origin.json('push', `${file}/one.bin`, '--app', 'one', '--version', '1');
    // It listens on all addresses, IPv4 ones too, and says under which one it is found.
    const out = await sandbox.folder('seed');
    const where = ['--listen', '[::]:45999', '--advertise', '[::1]:45999'];
    const seed = sandbox.start(
      ['pull', 'one@1', '--out', out, '--seed', '--json', ...where],
      origin.env,
    );
    await seed.event('done');
    const target = await sandbox.folder('out');
    const done = await origin.json<Done>('pull', 'one@1', '--out', target, '--listen', V6);
    expect(done).toMatchObject({ fromPeers: 2 * MIB, fromOrigin: 0 });
  });
});

describe.runIf(hasV6)('a fleet of both', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await Sandbox.create('fleetseed-dual');
  });
  afterAll(() => sandbox.close());

  it('has one door for both: a peer on [::] serves IPv4 and IPv6 peers alike', async () => {
    const args = ['--insecure-http', '--peer-listen', '[::]:0'];
    const origin = await sandbox.origin(undefined, { listen: '[::]:0', args });
    const port = new URL(origin.url).port;
    const file = await sandbox.tree({ 'one.bin': randomBytes(MIB) });
    const byV4 = { ...origin.env, FLEETSEED_ORIGIN: `http://127.0.0.1:${port}` };
    const byV6 = { ...origin.env, FLEETSEED_ORIGIN: `http://[::1]:${port}` };
    const pushed = await origin.run(
      ['push', `${file}/one.bin`, '--app', 'one', '--version', '1', '--json'],
      byV4,
    );
    expect(pushed.exit).toBe(0);
    for (const [env, listen] of [
      [byV4, '127.0.0.1:0'],
      [byV6, '[::]:0'],
    ] as const) {
      const out = await sandbox.folder('out');
      const words = ['pull', 'one@1', '--out', out, '--listen', listen, '--timeout', '20'];
      const { exit, stderr } = await origin.run(words, env);
      expect({ exit, stderr: exit === 0 ? '' : stderr }).toEqual({ exit: 0, stderr: '' });
    }
  });
});
