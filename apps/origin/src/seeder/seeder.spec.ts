import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Savings, type Release } from '#lib/contracts';
import { systemClock, systemRandom } from '#lib/runtime';
import { HashPool, TrackerAnnouncer, MemoryStore, Session, type Torrent } from '#lib/swarm';
import { parseMetainfo } from '#lib/torrent';
import {
  buildAnnounceUrl,
  encodeExtensionHandshake,
  encodeHandshake,
  extendedMessage,
  parseIpPort,
} from '#lib/wire';

import { TestOrigin } from '../targets/agent.fixture.js';
import { swarmIdOf } from '../tracker/artifact.index.js';
import { EXTENDED, firstOf, messageIds } from './stranger.fixture.js';

const content = randomBytes(5_000_000);
let origin: TestOrigin;
let release: Release;
let hasher: HashPool;
const sessions: Session[] = [];

beforeAll(async () => {
  hasher = new HashPool();
  origin = await TestOrigin.start();
  release = await origin.publish('web', '1', content);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});
afterAll(async () => {
  await origin.close();
  await hasher.close();
});

async function metainfoOf(artifact: string) {
  const admin = await origin.client();
  const path = `/api/v1/artifacts/${artifact}/metainfo`;
  return parseMetainfo(await admin.bytes({ method: 'GET', path }));
}

interface Pull {
  readonly torrent: Torrent;
  readonly store: MemoryStore;
}

async function pull(): Promise<Pull> {
  const session = new Session({ hasher, listen: { host: '127.0.0.1', port: 0 } });
  sessions.push(session);
  await session.listen();
  const metainfo = await metainfoOf(release.artifact);
  const ticket = await origin.ticket(release.artifact);
  const store = new MemoryStore(metainfo.length);
  const announcer = new TrackerAnnouncer({
    tiers: ticket.announce,
    infoHashes: [{ view: 'v2', hash: metainfo.infoHashV2!.subarray(0, 20) }],
    peerId: session.peerId,
    port: session.port,
    clock: systemClock,
    random: systemRandom,
  });
  const torrent = session.add({
    metainfo,
    store,
    swarmSecret: Buffer.from(ticket.swarmSecret, 'base64url'),
    announcer,
  });
  return { torrent, store };
}

async function originBytes(): Promise<Record<string, number>> {
  const admin = await origin.client();
  const call = { method: 'GET', path: '/api/v1/savings', answer: Savings } as const;
  return (await admin.call(call)).originByReason;
}

describe('the origin as a seed', () => {
  it('gives a member the whole artifact, found through the tracker, and counts every byte', async () => {
    const before = await originBytes();
    const { torrent, store } = await pull();
    await torrent.done;
    const got = Buffer.alloc(content.length);
    await store.read(0, got);
    expect(got.equals(content)).toBe(true);
    const after = await originBytes();
    const sent = ['first', 'rare', 'stall'].map((why) => after[why]! - before[why]!);
    const sum = sent.reduce((total, bytes) => total + bytes, 0);
    expect(sum).toBeGreaterThanOrEqual(content.length);
    expect(sum).toBeLessThan(content.length * 1.2);
  });

  it('shows a stranger nothing and closes', async () => {
    // The ticket opens the artifact, so that the handshake names one that is given out.
    await pull().then(({ torrent }) => torrent.done);
    const { host, port } = parseIpPort(origin.ready.peer)!;
    const socket = connect(port, host);
    const answer = buffer(socket);
    const infoHash = Buffer.from(swarmIdOf(release.artifact), 'hex');
    const peerId = randomBytes(20);
    socket.write(
      encodeHandshake({ infoHash, peerId, fast: true, extensions: true, v2Upgrade: false }),
    );
    socket.write(extendedMessage(0, encodeExtensionHandshake({ m: new Map() })));
    // Resolves when the origin has closed. The opening of the extension protocol tells nothing yet.
    const told = messageIds((await answer).subarray(68)).filter((id) => id !== EXTENDED);
    expect(told).toEqual([]);
  });
});

describe('strangers', () => {
  it('are let in from where they announced with a key, when the origin allows that', async () => {
    const open = await TestOrigin.start({ peerAccess: 'announced' });
    const published = await open.publish('web', '1', content);
    const ticket = await open.ticket(published.artifact);
    const infoHash = Buffer.from(swarmIdOf(published.artifact), 'hex');
    const announce = (ip: string) =>
      fetch(
        buildAnnounceUrl(ticket.announce[0]![0]!, {
          infoHash,
          peerId: randomBytes(20),
          port: 6881,
          uploaded: 0,
          downloaded: 0,
          left: 5,
          event: 'started',
          numWant: 0,
          compact: true,
          noPeerId: false,
          ip,
        }),
      ).then((answer) => answer.arrayBuffer());
    // A member announces for another machine: the artifact is given out, and we are still nobody.
    await announce('127.0.0.9');
    expect(await firstOf(open.ready.peer, infoHash)).toBe('closed');
    await announce('127.0.0.1');
    expect(await firstOf(open.ready.peer, infoHash)).not.toBe('closed');
    await open.close();
  });

  it('are served when everybody is', async () => {
    const open = await TestOrigin.start({ peerAccess: 'open' });
    const published = await open.publish('web', '1', content);
    await open.ticket(published.artifact);
    const infoHash = Buffer.from(swarmIdOf(published.artifact), 'hex');
    expect(await firstOf(open.ready.peer, infoHash)).not.toBe('closed');
    await open.close();
  });
});
