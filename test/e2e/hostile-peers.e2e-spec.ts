import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Savings, SwarmTicket } from '#lib/contracts';
import { EXTENSION, encodeRunMessage, extendedMessage } from '#lib/wire';

import { active, pushStable, staged, type StagedEvent } from '../support/fleet.js';
import { flood, HostilePeer, uselessMessage, type Misdeed } from '../support/hostile-peers.js';
import { callApi } from '../support/origin-api.js';
import { RawPeer, swarmOf } from '../support/raw-peer.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
/** What may be said before it is known who is there. */
const GREETINGS = ['greeting', 'fs_member'];
const SPAN = { type: 'request', run: 0, offset: 0, length: 65_536 } as const;
/** By this much a process may grow for what peers send: garbage that is not collected yet. */
const MEMORY_MARGIN = 160 * MIB;

let sandbox: Sandbox;
let origin: OriginProcess;
let apps = 0;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

interface Swarm {
  readonly app: string;
  readonly content: Buffer;
  readonly ticket: SwarmTicket;
}

/** Each test has a swarm of its own. */
async function newSwarm(): Promise<Swarm> {
  const app = `app-${++apps}`;
  const content = randomBytes(SIZE);
  const tree = await sandbox.tree({ build: content });
  const { artifact } = await pushStable(origin, `${tree}/build`, app, '1');
  const path = `/api/v1/artifacts/${artifact}/ticket`;
  const { body: ticket } = await callApi<SwarmTicket>(origin, 'GET', path);
  return { app, content, ticket };
}

/** Resident bytes of a process. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

interface Beside extends Swarm {
  readonly peer: HostilePeer;
  readonly account: StagedEvent;
  /** Where the agent goes on seeding, `HOST:PORT`. */
  readonly door: string;
}

/** Lets an agent stage beside a hostile peer, and looks at both while the agent goes on seeding. */
async function stageBeside(misdeed: Misdeed, look: (beside: Beside) => Promise<void>) {
  const swarm = await newSwarm();
  const peer = await HostilePeer.start(swarm.ticket, misdeed);
  const args = ['--app', `${swarm.app}@stable`];
  // Whoever goes silent has to be asked before the origin has sent everything.
  if (misdeed === 'silence') args.push('--download-limit', String(6 * MIB));
  else await peer.announcePhantom();
  const agent = await sandbox.agent(origin, undefined, { args });
  try {
    const { peer: door } = await agent.service.event('ready');
    const account = await staged(agent, '1');
    await active(agent, '1');
    const installed = readFileSync(`${agent.data}/apps/${swarm.app}/current/build`);
    expect(installed.equals(swarm.content)).toBe(true);
    expect(account).toMatchObject({ fromOrigin: SIZE, fromPeers: 0 });
    await look({ ...swarm, peer, account, door: String(door) });
  } finally {
    await peer.close();
    await agent.service.stop();
  }
}

/** A member gets what it asks for. */
async function servedBy(door: string, ticket: SwarmTicket): Promise<true> {
  const peer = await RawPeer.dial(door, swarmOf(ticket));
  await peer.member;
  peer.send(extendedMessage(peer.idOf(EXTENSION.run), encodeRunMessage(SPAN)));
  await until('the span came', () => peer.blockBytes === SPAN.length, 5000);
  peer.end();
  return true;
}

describe.concurrent('a download beside a peer that belongs to the swarm', () => {
  it('and sends wrong blocks: it is banned, its bytes are waste, the content is right', async () => {
    await stageBeside('wrong-blocks', async ({ peer, account, door, ticket }) => {
      expect(account.wasted).toBeGreaterThan(0);
      expect(account.wasted).toBeLessThanOrEqual(peer.sentBytes);
      const known = await until('the account arrives', async () => {
        const { artifacts } = await origin.json<Savings>('savings');
        return artifacts.find(({ artifact, stages }) => artifact === ticket.artifact && stages > 0);
      });
      expect(known.wasted).toBe(account.wasted);
      // It was given no second chance, and is let in no more; others are.
      await Promise.all(peer.connections.map(({ closed }) => closed));
      expect(peer.connections.length).toBe(1);
      const again = await peer.dial(door);
      await again.closed;
      expect(again.told.filter((type) => !GREETINGS.includes(type))).toEqual([]);
      await servedBy(door, ticket);
    });
  });

  it('and goes silent: what was asked of it is asked elsewhere', async () => {
    await stageBeside('silence', async ({ peer, account }) => {
      expect(peer.requests).toBeGreaterThan(0);
      expect(account.wasted).toBe(0);
    });
  });

  it.each(['garbage', 'oversized', 'unasked'] as const)(
    'and sends what is not allowed (%s): it is hung up on',
    async (misdeed) => {
      await stageBeside(misdeed, async ({ peer }) => {
        expect(peer.requests).toBeGreaterThan(0);
        await Promise.all(peer.connections.map(({ closed }) => closed));
      });
    },
  );
});

describe('an agent that seeds', () => {
  it('keeps its memory and goes on serving whatever members send', async () => {
    const { app, ticket } = await newSwarm();
    const args = ['--app', `${app}@stable`];
    const { service } = await sandbox.agent(origin, undefined, { args });
    const { peer: door } = await service.event('ready');
    await service.event('active', 30_000, { version: '1' });
    const bound = residentBytes(service.pid) + MEMORY_MARGIN;
    const dial = () => RawPeer.dial(String(door), swarmOf(ticket));

    // Large messages that mean nothing.
    const talker = await dial();
    await talker.member;
    await flood(talker, uselessMessage(900_000), 500 * MIB);
    talker.end();
    expect(residentBytes(service.pid)).toBeLessThan(bound);

    // Requests without end, of a peer that reads nothing.
    const asker = await dial();
    await asker.member;
    asker.socket.pause();
    const ask = extendedMessage(asker.idOf(EXTENSION.run), encodeRunMessage(SPAN));
    await flood(asker, Buffer.concat(Array<Buffer>(5000).fill(ask)), 4 * MIB);
    expect(residentBytes(service.pid)).toBeLessThan(bound);
    asker.end();

    // Many that connect and say nothing.
    const crowd = await Promise.all(Array.from({ length: 200 }, () => dial().catch(() => null)));
    expect(residentBytes(service.pid)).toBeLessThan(bound);
    for (const each of crowd) each?.end();

    await until('an honest member is served', () => servedBy(String(door), ticket));
  });
});
