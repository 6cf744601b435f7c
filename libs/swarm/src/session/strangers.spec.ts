import { connect } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';
import { bdict, bencode, v1EditionOf } from '#lib/torrent';
import { extendedMessage } from '#lib/wire';

import { memberThat, rejectSpan, sendSpan } from './bad-peers.fixture.js';
import {
  KIB,
  MIB,
  SECRET,
  TestFleet,
  artifactOf,
  eventually,
  type TestArtifact,
} from './session.fixture.js';
import { WireClient, WireServer } from './wire-client.fixture.js';

let fleet: TestFleet | null = null;
const opened: { close(): Promise<void> }[] = [];

function fleetOf(artifact: TestArtifact): TestFleet {
  fleet = new TestFleet(artifact);
  return fleet;
}

function keep<T extends { close(): Promise<void> }>(server: T): T {
  opened.push(server);
  return server;
}

afterEach(async () => {
  await fleet?.close();
  fleet = null;
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** Everything that a stranger can get, by asking for it block by block, as BEP 3 has it. */
async function downloadAll(client: WireClient, lengths: readonly number[]): Promise<Buffer> {
  client.send({ type: 'interested' });
  await client.until(() => client.has('unchoke'));
  let wanted = 0;
  for (const [piece, length] of lengths.entries()) {
    for (let begin = 0; begin < length; begin += 16 * KIB) {
      wanted++;
      client.send({
        type: 'request',
        piece,
        begin,
        length: Math.min(16 * KIB, length - begin),
      });
    }
  }
  await client.until(() => client.blocks.length === wanted);
  const inOrder = client.blocks.toSorted((a, b) => a.index - b.index || a.begin - b.begin);
  return Buffer.concat(inOrder.map(({ bytes }) => bytes));
}

describe('the closed door', () => {
  it('gives nothing to who cannot prove membership', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true });
    const client = WireClient.dial(session.port, { artifact, secret: Buffer.from('wrong') });
    await client.untilClosed();
    expect(client.messages.every(({ type }) => type === 'extended')).toBe(true);
    expect(client.isMember).toBe(true);
    expect(client.blocks).toEqual([]);
  });

  it('gives nothing to strangers', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true });
    const client = WireClient.dial(session.port, { artifact });
    await client.untilClosed();
    expect(client.messages.map(({ type }) => type)).toEqual(['extended']);
    expect(session.stats().refused).toBe(1);
  });

  it('lets in strangers that announced themselves, where that is allowed', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const allowed = new Set<string>();
    const { session } = await fleetOf(artifact).add({
      complete: true,
      access: 'announced',
      isAnnounced: (host) => allowed.has(host),
    });
    await WireClient.dial(session.port, { artifact }).untilClosed();
    allowed.add('127.0.0.1');
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    client.socket.destroy();
    expect(client.handshake?.fast).toBe(true);
  });

  it('lets in strangers that our tracker told of, where announced ones are allowed', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const machines = fleetOf(artifact);
    const seed = await machines.add({ complete: true, swarmSecret: null, access: 'open' });
    const machine = await machines.add({ access: 'announced' });
    await machine.torrent.done;
    expect(machine.torrent.stats().bytes.fromStrangers).toBe(artifact.payload.length);
    expect(seed.session.stats().refused).toBe(0);
  });

  it('closes on garbage, and serves honest machines behind the same address all the same', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const swarm = fleetOf(artifact);
    const { session } = await swarm.add({ complete: true });
    for (let attempt = 0; attempt < 10; attempt++) {
      const socket = connect({ host: '127.0.0.1', port: session.port });
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\n\r\n');
      await new Promise((resolve) => socket.on('close', resolve));
    }
    expect(session.stats()).toMatchObject({ refused: 10, bannedPeers: 0, connections: 0 });
    const honest = await swarm.add();
    await honest.torrent.done;
  });

  it('closes on messages that are nonsense after a good handshake', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    client.send({ type: 'have', piece: 99_999 });
    await client.untilClosed();
    expect(session.stats().refused).toBe(1);
  });

  it('does not wait for ever for a handshake', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({
      complete: true,
      session: { timeouts: { handshakeMs: 50 } },
    });
    const socket = connect({ host: '127.0.0.1', port: session.port });
    await new Promise((resolve) => socket.on('close', resolve));
    await eventually(() => session.stats().connections).toBe(0);
    expect(session.stats().bannedPeers).toBe(0);
  });

  it('does not know other torrents', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const other = artifactOf({ files: [MIB], seed: 2 });
    const client = WireClient.dial(session.port, { artifact: other });
    await client.untilClosed();
    expect(client.handshake).toBeNull();
  });
});

describe('strangers', () => {
  const tree = () =>
    artifactOf({
      files: [100 * KIB, 5, 33 * KIB],
      pieceLength: 64 * KIB,
      format: 'hybrid',
    });

  it('with a v1 client get the v1 view of a hybrid tree, its pads as zeros', async () => {
    const artifact = tree();
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact, view: 'v1' });
    await client.until(() => client.has('haveAll'));
    expect(client.handshake?.infoHash).toEqual(artifact.metainfo.infoHashV1);
    const stream = await downloadAll(client, [64 * KIB, 64 * KIB, 64 * KIB, 64 * KIB]);
    const { payload } = artifact;
    const expected = Buffer.alloc(256 * KIB);
    payload.copy(expected, 0, 0, 100 * KIB);
    payload.copy(expected, 128 * KIB, 100 * KIB, 100 * KIB + 5);
    payload.copy(expected, 192 * KIB, 100 * KIB + 5);
    expect(stream.equals(expected)).toBe(true);
  });

  it('are answered with the v2 hash when they can be upgraded', async () => {
    const artifact = tree();
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact, view: 'v1', v2Upgrade: true });
    await client.until(() => client.has('haveAll'));
    const { infoHashV2 } = artifact.metainfo;
    expect(client.handshake?.infoHash).toEqual(infoHashV2!.subarray(0, 20));
    const payload = await downloadAll(client, [64 * KIB, 36 * KIB, 5, 33 * KIB]);
    expect(payload.equals(artifact.payload)).toBe(true);
  });

  it('may ask for whole blocks where a file ends, as libtorrent does, and get zeros beyond it', async () => {
    const artifact = artifactOf({ files: [100 * KIB, 5, 33 * KIB], pieceLength: 64 * KIB });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    const stream = await downloadAll(client, [64 * KIB, 48 * KIB, 16 * KIB, 48 * KIB]);
    const { payload } = artifact;
    const expected = Buffer.alloc((64 + 48 + 16 + 48) * KIB);
    payload.copy(expected, 0, 0, 100 * KIB);
    payload.copy(expected, 112 * KIB, 100 * KIB, 100 * KIB + 5);
    payload.copy(expected, 128 * KIB, 100 * KIB + 5);
    expect(stream.equals(expected)).toBe(true);
  });

  it('with the v1 edition are answered with its hash, also when they could be upgraded', async () => {
    const artifact = artifactOf({ files: [150 * KIB], pieceLength: 64 * KIB, format: 'hybrid' });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact, view: 'v1-only', v2Upgrade: true });
    await client.until(() => client.has('haveAll'));
    expect(client.handshake?.infoHash).toEqual(v1EditionOf(artifact.metainfo)!.infoHash);
    const payload = await downloadAll(client, [64 * KIB, 64 * KIB, 22 * KIB]);
    expect(payload.equals(artifact.payload)).toBe(true);
  });

  it('with the v1 edition are dialled with its hash', async () => {
    const artifact = artifactOf({ files: [150 * KIB], pieceLength: 64 * KIB, format: 'hybrid' });
    const seed = keep(await WireServer.open({ artifact, view: 'v1-only' }, () => {}));
    const machine = await fleetOf(artifact).add({ access: 'open' });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: seed.port, hash: 'v1-only' }]);
    await eventually(() => seed.clients[0]?.has('extended')).toBe(true);
    const { handshake } = seed.clients[0]!;
    expect(handshake?.infoHash).toEqual(v1EditionOf(artifact.metainfo)!.infoHash);
    expect(handshake?.v2Upgrade).toBe(false);
  });

  it('get hashes from the piece layers, and a reject for what is not kept', async () => {
    const artifact = artifactOf({ files: [MIB], pieceLength: 64 * KIB });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    const root = artifact.metainfo.files[0]!.root!;
    const range = { root, index: 0, length: 16, proofLayers: 0 };
    client.send({ type: 'hashRequest', ...range, base: 2 });
    client.send({ type: 'hashRequest', ...range, base: 0 });
    await client.until(() => client.has('hashes') && client.has('hashReject'));
    const answer = client.messages.find((message) => message.type === 'hashes');
    const layer = artifact.metainfo.pieceLayers.get(root.toString('hex'));
    expect(answer).toMatchObject({ base: 2, hashes: layer });
  });

  it('may speak extensions of their own and unknown messages', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    client.socket.write(Buffer.from([0, 0, 0, 3, 99, 1, 2]));
    client.socket.write(extendedMessage(77, Buffer.from('hello')));
    client.socket.write(extendedMessage(0, bencode(bdict({ m: new Map(), x: 'y' }))));
    client.send({ type: 'suggest', piece: 1 }, { type: 'port', port: 1 }, { type: 'keepAlive' });
    const payload = await downloadAll(
      client,
      Array.from({ length: 16 }, () => 64 * KIB),
    );
    expect(payload.equals(artifact.payload)).toBe(true);
  });

  it('have every request answered once, by piece or reject, cancelled ones too', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const { session } = await fleetOf(artifact).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    const block = (index: number) => ({ piece: index >> 2, begin: (index & 3) * 16 * KIB });
    const length = 16 * KIB;
    client.send({ type: 'request', ...block(0), length });
    await client.until(() => client.has('reject'));
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    for (let index = 0; index < 64; index++) {
      client.send({ type: 'request', ...block(index), length });
    }
    for (let index = 40; index < 50; index++) {
      client.send({ type: 'cancel', ...block(index), length });
    }
    const rejects = () => client.messages.filter(({ type }) => type === 'reject').length - 1;
    await client.until(() => client.blocks.length + rejects() === 64);
    const answered = new Set(client.blocks.map(({ index, begin }) => `${index} ${begin}`));
    expect(answered.size).toBe(client.blocks.length);
  });

  it('seed to us as well, in 16 KiB blocks inside pieces', async () => {
    const artifact = artifactOf({ files: [200 * KIB, 5, 40 * KIB], pieceLength: 64 * KIB });
    const { payload, metainfo } = artifact;
    const asked: number[] = [];
    const offsets = [0, 64, 128, 192, 200].map((kib) => kib * KIB);
    offsets.push(200 * KIB + 5);
    const seed = keep(
      await WireServer.open({ artifact }, (client) => {
        client.onMessage = (message) => {
          if (message.type === 'extended') {
            client.send({ type: 'haveAll' }, { type: 'unchoke' });
          } else if (message.type === 'request') {
            asked.push(message.length);
            const at = offsets[message.piece]! + message.begin;
            const head = Buffer.alloc(13);
            head.writeUInt32BE(9 + message.length, 0);
            head.writeUInt8(7, 4);
            head.writeUInt32BE(message.piece, 5);
            head.writeUInt32BE(message.begin, 9);
            client.socket.write(head);
            client.socket.write(payload.subarray(at, at + message.length));
          }
        };
      }),
    );
    const machine = await fleetOf(artifact).add({ access: 'open' });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: seed.port }]);
    await machine.torrent.done;
    expect(payload.equals(await machine.content())).toBe(true);
    expect(Math.max(...asked)).toBe(16 * KIB);
    expect(machine.torrent.stats().bytes.fromStrangers).toBe(metainfo.length);
  });

  it('are not told by an origin that it only uploads: it has shown them nothing yet', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const origin = await fleetOf(artifact).origin({ access: 'open' });
    const client = WireClient.dial(origin.session.port, { artifact });
    await client.until(() => client.has('haveNone') && client.extensions !== null);
    expect(client.extensions!.uploadOnly).not.toBe(true);
  });

  it('are shown an artifact of one piece at once, since a HAVE would look like a seed without use', async () => {
    const artifact = artifactOf({ files: [5] });
    const origin = await fleetOf(artifact).origin({ access: 'open' });
    const client = WireClient.dial(origin.session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    client.send({ type: 'haveNone' });
    expect(await downloadAll(client, [5])).toEqual(artifact.payload);
    expect(client.has('have')).toBe(false);
  });

  it('may ask late for what an origin revealed to them', async () => {
    const artifact = artifactOf({ files: [2 * MIB], pieceLength: 64 * KIB });
    const clock = new VirtualClock();
    const origin = await fleetOf(artifact).origin({ access: 'open', session: { clock } });
    const client = WireClient.dial(origin.session.port, { artifact });
    await client.until(() => client.has('haveNone'));
    client.send({ type: 'haveNone' }, { type: 'interested' });
    await client.until(() => client.has('have') && client.has('unchoke'));
    const piece = client.messages.flatMap((message) =>
      message.type === 'have' ? message.piece : [],
    )[0]!;
    // By then the origin has given the run to others.
    clock.advance(20_000);
    client.send({ type: 'request', piece, begin: 0, length: 16 * KIB });
    await client.until(() => client.blocks.length === 1);
    expect(client.has('reject')).toBe(false);
  });

  it('get an artifact from an origin piece by piece, as it reveals them', async () => {
    const artifact = artifactOf({ files: [2 * MIB], pieceLength: 64 * KIB });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin({ access: 'open' });
    const stranger = await swarm.add({ swarmSecret: null, access: 'open' });
    await stranger.torrent.done;
    expect(artifact.payload.equals(await stranger.content())).toBe(true);
    expect(origin.torrent.stats().bytes.sent.stranger).toBe(artifact.payload.length);
  });
});

describe('members that do not behave', () => {
  const artifact = artifactOf({ files: [4 * MIB], pieceLength: 64 * KIB });

  it('are banned for wrong bytes, and the download completes', async () => {
    const liar = keep(
      await memberThat(artifact, '127.0.0.1', (client, run, offset, bytes) => {
        bytes[0]! ^= 1;
        sendSpan(client, run, offset, bytes);
      }),
    );
    const swarm = fleetOf(artifact);
    const machine = await swarm.add();
    machine.torrent.addPeers([{ host: '127.0.0.1', port: liar.port }]);
    const banned: string[] = [];
    machine.torrent.on('peer-banned', ({ peer }) => banned.push(peer));
    await eventually(() => banned).toEqual([`127.0.0.1:${liar.port}`]);
    // The origin has the address of the liar, and another port.
    await swarm.origin();
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    expect(machine.torrent.stats().bytes.wasted.hashFailure).toBeGreaterThan(0);
  });

  it('are traced by leaves when several sent parts of one large piece', async () => {
    const large = artifactOf({ files: [8 * MIB], pieceLength: 8 * MIB });
    const honest = keep(await memberThat(large, '127.0.0.3', sendSpan));
    let lies = 0;
    const liar = keep(
      await memberThat(large, '127.0.0.2', (client, run, offset, bytes) => {
        if (lies++ === 0) bytes[100]! ^= 1;
        sendSpan(client, run, offset, bytes);
      }),
    );
    const machine = await fleetOf(large).add();
    const banned: string[] = [];
    machine.torrent.on('peer-banned', ({ peer }) => banned.push(peer));
    machine.torrent.addPeers([
      { host: '127.0.0.2', port: liar.port },
      { host: '127.0.0.3', port: honest.port },
    ]);
    await machine.torrent.done;
    expect(large.payload.equals(await machine.content())).toBe(true);
    expect(banned).not.toContain(`127.0.0.3:${honest.port}`);
    expect(lies).toBeGreaterThan(0);
    expect(machine.torrent.stats().bytes.wasted.hashFailure).toBe(8 * MIB);
  });

  it('are replaced when they say nothing', async () => {
    const silent = keep(await memberThat(artifact, '127.0.0.2', () => {}));
    const swarm = fleetOf(artifact);
    const machine = await swarm.add({ timeouts: { patienceMs: 100, hungMs: 300 } });
    machine.torrent.addPeers([{ host: '127.0.0.2', port: silent.port }]);
    await eventually(() => machine.torrent.stats().spansInFlight).toBeGreaterThan(0);
    await swarm.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    await eventually(() => silent.clients.every(({ closed }) => closed)).toBe(true);
  });

  it('do not keep a span between two of them that are silent', async () => {
    const swarm = fleetOf(artifact);
    // Nobody is replaced in the time of this test.
    const machine = await swarm.add({ timeouts: { patienceMs: 100, hungMs: 600_000 } });
    for (const host of ['127.0.0.2', '127.0.0.3']) {
      const silent = keep(await memberThat(artifact, host, () => {}));
      machine.torrent.addPeers([{ host, port: silent.port }]);
      const isSnubbed = () =>
        machine.torrent.stats().neighbours.some((n) => n.host === host && n.snubbed);
      await eventually(isSnubbed).toBe(true);
    }
    await swarm.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });

  it('are asked elsewhere for what they reject', async () => {
    const refuser = keep(
      await memberThat(artifact, '127.0.0.2', (client, run, offset, bytes) => {
        rejectSpan(client, run, offset, bytes.length);
      }),
    );
    const swarm = fleetOf(artifact);
    const machine = await swarm.add();
    machine.torrent.addPeers([{ host: '127.0.0.2', port: refuser.port }]);
    await swarm.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });

  it('are closed for payload that nobody asked for', async () => {
    const { session } = await fleetOf(artifact).add();
    const client = WireClient.dial(session.port, { artifact, secret: SECRET });
    await client.until(() => client.isMember && client.has('haveNone'));
    sendSpan(client, 0, 0, Buffer.alloc(64 * KIB));
    await client.untilClosed();
    expect(session.stats().refused).toBe(1);
  });
});
