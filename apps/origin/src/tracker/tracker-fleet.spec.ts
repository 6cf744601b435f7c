import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  pageOf,
  SwarmSummary,
  TicketsAnswer,
  type Release,
  type SwarmTicket,
} from '#lib/contracts';
import { systemClock } from '#lib/runtime';
import { buildAnnounceUrl, decodeAnnounceAnswer, parseIpPort } from '#lib/wire';

import { ReleaseCatalog } from '../releases/release-catalog.js';
import { TestFleet } from '../replicas/fleet.fixture.js';
import { firstOf } from '../seeder/stranger.fixture.js';
import { TestAgent, type TestOrigin } from '../targets/agent.fixture.js';
import { swarmIdOf } from './artifact.index.js';

let fleet: TestFleet;
let a: TestOrigin;
let b: TestOrigin;
beforeEach(async () => {
  fleet = await TestFleet.start(2, { peerAccess: 'announced' });
  [a, b] = fleet.replicas as [TestOrigin, TestOrigin];
});
afterEach(() => fleet.close());

const SOON = { timeout: 15_000, interval: 50 };

/** Announces at a replica with the key of a ticket, for this machine or another one. */
async function announce(at: TestOrigin, { artifact, announce: urls }: SwarmTicket, ip: string) {
  const { pathname } = new URL(urls[0]![0]!);
  const answer = await fetch(
    buildAnnounceUrl(`${at.url}${pathname}`, {
      infoHash: Buffer.from(swarmIdOf(artifact), 'hex'),
      peerId: randomBytes(20),
      port: 6881,
      uploaded: 0,
      downloaded: 0,
      left: 5,
      event: 'started',
      numWant: 10,
      compact: true,
      noPeerId: false,
      ip,
    }),
  );
  return decodeAnnounceAnswer(Buffer.from(await answer.arrayBuffer()));
}

async function swarms(at: TestOrigin): Promise<(string | null)[]> {
  const admin = await at.client();
  const call = { method: 'GET', path: '/api/v1/swarms', answer: pageOf(SwarmSummary) } as const;
  return (await admin.call(call)).items.map(({ version }) => version);
}

function publish(version: string): Promise<Release> {
  return a.publish('web', version, randomBytes(50_000));
}

describe('a release that is made at one replica', () => {
  it('is known to the tracker, to tickets and to the page of swarms at another', async () => {
    const { artifact } = await publish('1');
    expect((await b.ticket(artifact)).artifact).toBe(artifact);
    await expect
      .poll(async () => (await announce(b, await a.ticket(artifact), '127.0.0.7')).type, SOON)
      .toBe('peers');
    expect(await swarms(b)).toEqual(['1']);
  });

  it('is looked for there before it is refused, when nobody told of it', async () => {
    const known = await publish('1');
    const agent = await (await new TestAgent(a).join()).open();
    const { tickets } = await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/tickets',
      json: { artifacts: [known.artifact] },
      answer: TicketsAnswer,
    });
    await fleet.redis.kill();
    const artifact = 'ab'.repeat(32);
    const untold = { ...known, version: '2', artifact, infoHashV2: artifact };
    await new ReleaseCatalog(await fleet.openDepot(), systemClock).create(untold);
    // The key of an agent is for all artifacts.
    const ticket = { ...tickets[0]!, artifact };
    await expect
      .poll(async () => (await announce(b, ticket, '127.0.0.7')).type, SOON)
      .toBe('peers');
    const nobodys = { ...ticket, artifact: 'cd'.repeat(32) };
    expect((await announce(b, nobodys, '127.0.0.7')).type).toBe('failure');
    expect(await swarms(b)).toEqual(['2']);
  });

  it('is given by all replicas as soon as somebody wants it at one', async () => {
    const { artifact } = await publish('1');
    const ticket = await a.ticket(artifact);
    const origins = async () => {
      const told = await announce(a, ticket, '127.0.0.7');
      return told.type === 'peers' ? new Set(told.peers.map(({ port }) => port)) : null;
    };
    const ports = fleet.replicas.map(({ ready }) => parseIpPort(ready.peer)!.port);
    await expect.poll(origins, SOON).toEqual(new Set(ports));
  });
});

describe('a stranger who announced at one replica', () => {
  it('is let in by another', async () => {
    const { artifact } = await publish('1');
    const infoHash = Buffer.from(swarmIdOf(artifact), 'hex');
    const ticket = await b.ticket(artifact);
    await announce(a, ticket, '127.0.0.9');
    expect(await firstOf(b.ready.peer, infoHash)).toBe('closed');
    await announce(a, ticket, '127.0.0.1');
    await expect.poll(() => firstOf(b.ready.peer, infoHash), SOON).not.toBe('closed');
  });

  it('is let in by one that began later', async () => {
    const { artifact } = await publish('1');
    const infoHash = Buffer.from(swarmIdOf(artifact), 'hex');
    await announce(a, await a.ticket(artifact), '127.0.0.1');
    const late = await fleet.another();
    try {
      await late.ticket(artifact);
      await expect.poll(() => firstOf(late.ready.peer, infoHash), SOON).not.toBe('closed');
    } finally {
      await late.close();
    }
  });
});

describe('a token that is revoked at one replica', () => {
  it('ends at the others', async () => {
    const admin = await a.client();
    const made = await admin.bytes({
      method: 'POST',
      path: '/api/v1/tokens',
      json: { name: 'ci', scopes: ['fleet:read'] },
    });
    const { token, secret } = JSON.parse(made.toString('utf8')) as Record<string, string>;
    const status = async () => {
      const headers = { authorization: `Bearer ${secret}` };
      return (await fetch(`${b.url}/api/v1/swarms`, { headers })).status;
    };
    expect(await status()).toBe(200);
    await admin.bytes({ method: 'DELETE', path: `/api/v1/tokens/${token}` });
    // What is cached without a word from the other replica is good for three seconds.
    await expect.poll(status, { timeout: 2000, interval: 20 }).toBe(401);
  });
});
