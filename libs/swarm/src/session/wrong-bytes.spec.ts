import { afterEach, describe, expect, it } from 'vitest';

import { memberThat, sendBlock, sendSpan, strangerThat } from './bad-peers.fixture.js';
import { KIB, MIB, TestFleet, artifactOf, eventually, type Machine } from './session.fixture.js';

const opened: { close(): Promise<void> }[] = [];

function keep<T extends { close(): Promise<void> }>(server: T): T {
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

const HONEST = ['127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14'];
const CULPRIT = '127.0.0.66';

function bansOf({ torrent }: Machine): string[] {
  const banned: string[] = [];
  torrent.on('peer-banned', ({ peer }) => banned.push(peer));
  return banned;
}

describe('a culprit among honest members', () => {
  it.each([
    ['small pieces', 64 * KIB, 8 * MIB],
    ['pieces larger than a span', 4 * MIB, 16 * MIB],
  ])('with %s is banned, and nobody else', async (_, pieceLength, length) => {
    const artifact = artifactOf({ files: [length], pieceLength });
    const fleet = keep(new TestFleet(artifact));
    const honest = await Promise.all(
      HONEST.map(async (host) => keep(await memberThat(artifact, host, sendSpan))),
    );
    const culprit = keep(
      await memberThat(artifact, CULPRIT, (client, run, offset, bytes) => {
        bytes[bytes.length >> 1]! ^= 4;
        sendSpan(client, run, offset, bytes);
      }),
    );
    const machine = await fleet.add();
    const banned = bansOf(machine);
    // Of pieces larger than a span it sends the first wrong one alone, so that it has a part in them.
    machine.torrent.addPeers([{ host: CULPRIT, port: culprit.port }]);
    await eventually(() => machine.torrent.stats().spansInFlight + banned.length).toBeGreaterThan(
      0,
    );
    machine.torrent.addPeers(honest.map(({ port }, at) => ({ host: HONEST[at]!, port })));
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(banned).toEqual([`${CULPRIT}:${culprit.port}`]);
    expect(machine.torrent.stats().bytes.wasted.hashFailure).toBeGreaterThan(0);
    await eventually(() => culprit.clients.every(({ closed }) => closed)).toBe(true);
    // It is not dialled again, and honest ones were never parted from for it.
    expect(culprit.clients.length).toBe(1);
    expect(honest.map(({ clients }) => clients.length)).toEqual([1, 1, 1, 1]);
  });

  it('that lies only now and then is banned all the same', async () => {
    const artifact = artifactOf({ files: [16 * MIB], pieceLength: 64 * KIB });
    const fleet = keep(new TestFleet(artifact));
    let sent = 0;
    const culprit = keep(
      await memberThat(artifact, CULPRIT, (client, run, offset, bytes) => {
        if (++sent === 3) bytes[0]! ^= 1;
        sendSpan(client, run, offset, bytes);
      }),
    );
    const machine = await fleet.add();
    const banned = bansOf(machine);
    machine.torrent.addPeers([{ host: CULPRIT, port: culprit.port }]);
    await eventually(() => banned).toEqual([`${CULPRIT}:${culprit.port}`]);
    await fleet.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });
});

describe('a culprit among honest strangers', () => {
  it.each([
    ['small pieces', 64 * KIB, 4 * MIB],
    ['pieces larger than a span', 4 * MIB, 8 * MIB],
  ])('with %s is banned, and nobody else', async (_, pieceLength, length) => {
    const artifact = artifactOf({ files: [length], pieceLength });
    const fleet = keep(new TestFleet(artifact));
    const honest = keep(await strangerThat(artifact, HONEST[0]!, sendBlock));
    const culprit = keep(
      await strangerThat(artifact, CULPRIT, (client, piece, begin, bytes) => {
        if (begin === 16 * KIB) bytes[7]! ^= 128;
        sendBlock(client, piece, begin, bytes);
      }),
    );
    const machine = await fleet.add({ access: 'open', swarmSecret: null });
    const banned = bansOf(machine);
    machine.torrent.addPeers([{ host: CULPRIT, port: culprit.port }]);
    await eventually(() => machine.torrent.stats().spansInFlight + banned.length).toBeGreaterThan(
      0,
    );
    machine.torrent.addPeers([{ host: HONEST[0]!, port: honest.port }]);
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(banned).toEqual([`${CULPRIT}:${culprit.port}`]);
    expect(honest.clients.length).toBe(1);
  });
});

describe('a machine whose disk rots while it seeds', () => {
  it('is banned by those it serves, and they complete', async () => {
    const artifact = artifactOf({ files: [4 * MIB], pieceLength: 64 * KIB });
    const fleet = keep(new TestFleet(artifact));
    const rotten = await fleet.add({ complete: true });
    await rotten.store.write(MIB, Buffer.alloc(1));
    const machine = await fleet.add();
    const banned = bansOf(machine);
    await eventually(() => banned).toEqual([`127.0.0.1:${rotten.session.port}`]);
    await fleet.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(banned.length).toBe(1);
  });
});
