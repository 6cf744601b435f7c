import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { TicketsAnswer, type Release } from '#lib/contracts';
import { buildAnnounceUrl, decodeAnnounceAnswer, type AnnounceQuery } from '#lib/wire';

import { TestAgent, TestOrigin } from '../targets/agent.fixture.js';
import { swarmIdOf } from './artifact.index.js';

let origin: TestOrigin;
let release: Release;
let other: Release;

beforeAll(async () => {
  origin = await TestOrigin.start({ roles: 'api,tracker,work' });
  release = await origin.publish('web', '1', Buffer.from('one'));
  other = await origin.publish('web', '2', Buffer.from('two'));
});
afterAll(() => origin.close());

interface Told {
  readonly failure: string | null;
  readonly peers: string[];
}

async function announce(
  url: string,
  port: number,
  over: Partial<AnnounceQuery> = {},
): Promise<Told> {
  const query: AnnounceQuery = {
    infoHash: Buffer.from(swarmIdOf(release.artifact), 'hex'),
    peerId: Buffer.alloc(20, port),
    port,
    uploaded: 0,
    downloaded: 0,
    left: 3,
    event: 'started',
    numWant: 50,
    compact: true,
    noPeerId: false,
    ...over,
  };
  const answer = await fetch(buildAnnounceUrl(url, query));
  const parsed = decodeAnnounceAnswer(Buffer.from(await answer.arrayBuffer()));
  return parsed.type === 'failure'
    ? { failure: parsed.reason, peers: [] }
    : { failure: null, peers: parsed.peers.map(({ host, port: at }) => `${host}:${at}`) };
}

async function agentUrl(agent: TestAgent, artifact: string): Promise<string> {
  const { tickets } = await agent.client.call({
    method: 'POST',
    path: '/api/v1/agent/tickets',
    json: { artifacts: [artifact] },
    answer: TicketsAnswer,
  });
  return tickets[0]!.announce[0]![0]!;
}

describe('the tracker door', () => {
  it('refuses who has no key, a wrong one, or one of another artifact', async () => {
    const none = await announce(`${origin.url}/announce`, 7001);
    expect(none.failure).toContain('TRACKER_KEY_INVALID');
    const wrong = await announce(`${origin.url}/announce/nonsense/announce`, 7001);
    expect(wrong.failure).toContain('TRACKER_KEY_INVALID');
    const [[foreign]] = (await origin.ticket(other.artifact)).announce as [[string]];
    expect((await announce(foreign, 7001)).failure).toContain('TRACKER_KEY_INVALID');
    const infoHash = Buffer.alloc(20, 1);
    const [[good]] = (await origin.ticket(release.artifact)).announce as [[string]];
    expect((await announce(good, 7001, { infoHash })).failure).toContain('INFO_HASH_UNKNOWN');
  });

  it('brings those together who come with good keys, by either hash', async () => {
    const [[pull]] = (await origin.ticket(release.artifact)).announce as [[string]];
    expect(await announce(pull, 7101)).toMatchObject({ failure: null });
    const agent = await (await new TestAgent(origin).join()).open();
    const url = await agentUrl(agent, release.artifact);
    const infoHash = Buffer.from(release.infoHashV1!, 'hex');
    const told = await announce(url, 7102, { infoHash });
    expect(told.peers).toEqual(['127.0.0.1:7101']);
  });

  it('refuses the key of a target that was removed', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    const url = await agentUrl(agent, release.artifact);
    const admin = await origin.client();
    await admin.bytes({ method: 'DELETE', path: `/api/v1/targets/${agent.target}` });
    expect((await announce(url, 7103)).failure).toContain('TRACKER_KEY_INVALID');
  });

  it('takes all that an agent holds over the control link', async () => {
    const agent = await (await new TestAgent(origin).join()).open();
    await agent.client.call({
      method: 'POST',
      path: '/api/v1/agent/announce',
      json: {
        announces: [
          { artifact: other.artifact, left: 0 },
          { artifact: 'ab'.repeat(32), left: 0 },
        ],
        peerAddress: '0.0.0.0:7104',
      },
      answer: z.object({}),
    });
    const [[url]] = (await origin.ticket(other.artifact)).announce as [[string]];
    const infoHash = Buffer.from(swarmIdOf(other.artifact), 'hex');
    expect((await announce(url, 7105, { infoHash })).peers).toEqual(['127.0.0.1:7104']);
  });
});
