import type { Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { collectGarbage } from '#lib/runtime';
import {
  encodeExtensionHandshake,
  encodeMessage,
  encodeOfferMessage,
  encodeRunMessage,
  extendedMessage,
} from '#lib/wire';

import { sendSpan } from './bad-peers.fixture.js';
import {
  KIB,
  MIB,
  SECRET,
  TestFleet,
  artifactOf,
  eventually,
  type Machine,
  type TestArtifact,
} from './session.fixture.js';
import { WireClient } from './wire-client.fixture.js';

/** Many pieces, so that work for each of them is felt. */
const artifact = artifactOf({
  files: Array.from({ length: 6001 }, (_, at) => 1 + (at % 700)),
  pieceLength: 16 * KIB,
});
const { pieceCount } = artifact.metainfo;
const root = artifact.metainfo.files[0]!.root!;
const opened: { close(): Promise<void> }[] = [];

function keep<T extends { close(): Promise<void> }>(server: T): T {
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

async function memberOf({ session }: Machine, of: TestArtifact = artifact): Promise<WireClient> {
  const client = WireClient.dial(session.port, { artifact: of, secret: SECRET });
  await client.until(() => client.isMember && client.messages.some(isAboutPieces));
  return client;
}

function isAboutPieces({ type }: { type: string }): boolean {
  return type === 'haveAll' || type === 'haveNone' || type === 'bitfield';
}

/** Sends the same again and again as fast as it is taken, until it was sent so often or is hung up on. */
async function flood(client: WireClient, message: Buffer, times: number): Promise<number> {
  const perWrite = Math.max(1, Math.floor((64 * KIB) / message.length));
  const many = Buffer.concat(Array.from({ length: perWrite }, () => message));
  let sent = 0;
  while (sent < times && !client.closed) {
    sent += perWrite;
    if (client.socket.write(many)) continue;
    await Promise.race([
      new Promise((resolve) => client.socket.once('drain', resolve)),
      client.untilClosed(),
    ]);
  }
  return sent;
}

/** Everything that was written has left the process. */
async function emptied(socket: Socket): Promise<void> {
  if (socket.writableLength > 0) await new Promise((resolve) => socket.once('drain', resolve));
}

const run = (message: Parameters<typeof encodeRunMessage>[0]) =>
  extendedMessage(2, encodeRunMessage(message));
const everything = { first: 0, count: pieceCount };
const block = { piece: 0, begin: 0, length: 1 };
const hashRange = { root, base: 0, index: 0, length: 2, proofLayers: 0 };
const names = new Map(Array.from({ length: 1500 }, (_, at) => [`x_${at}`, 5] as const));

describe('a flood', () => {
  // Each would keep the process busy for minutes, or fill its memory, if it were taken as it comes.
  it.each([
    ['of keep-alives', encodeMessage({ type: 'keepAlive' }), 4_000_000],
    ['of HAVEs', encodeMessage({ type: 'have', piece: 1 }), 4_000_000],
    ['of "I have everything"', encodeMessage({ type: 'haveAll' }), 1_000_000],
    [
      'of bitfields',
      encodeMessage({ type: 'bitfield', bits: Buffer.alloc(Math.ceil(pieceCount / 8)) }),
      1_000_000,
    ],
    ['of HAVEs of all pieces', run({ type: 'have', pieces: [everything] }), 1_000_000],
    ['of cancels', encodeMessage({ type: 'cancel', ...block }), 4_000_000],
    ['of rejects', encodeMessage({ type: 'reject', ...block }), 4_000_000],
    ['of extension handshakes', extendedMessage(0, encodeExtensionHandshake({ m: names })), 50_000],
    [
      'of offers taken back',
      extendedMessage(3, encodeOfferMessage({ type: 'withdraw', runs: [{ first: 0, count: 1 }] })),
      4_000_000,
    ],
    ['of unknown messages', Buffer.from([0, 0, 0, 1, 99]), 4_000_000],
  ])('%s ends the connection, and nobody else is the worse for it', async (_, message, times) => {
    const swarm = keep(new TestFleet(artifact));
    const machine = await swarm.add();
    const client = await memberOf(machine);
    await flood(client, message, times);
    await eventually(() => client.closed).toBe(true);
    await eventually(() => machine.session.stats().refused).toBe(1);
    await swarm.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });

  it('of useless messages passes by, and takes no memory', async () => {
    const swarm = keep(new TestFleet(artifact));
    const seed = await swarm.add({ complete: true });
    const clients = await Promise.all(Array.from({ length: 30 }, () => memberOf(seed)));
    const useless = extendedMessage(99, Buffer.alloc(900_000, 0x55));
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    // All but the last byte.
    for (const { socket } of clients) socket.write(useless.subarray(0, -1));
    await Promise.all(clients.map(({ socket }) => emptied(socket)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * MIB);
    for (const { socket } of clients) socket.write(useless.subarray(-1));
    const machine = await swarm.add();
    await machine.torrent.done;
    expect(clients.filter(({ closed }) => closed)).toEqual([]);
    for (const { socket } of clients) socket.destroy();
  });

  it('of hash requests is answered one by one', async () => {
    const swarm = keep(new TestFleet(artifactOf({ files: [32 * MIB], pieceLength: 16 * KIB })));
    const { metainfo } = swarm.artifact;
    const seed = await swarm.add({ complete: true, access: 'open' });
    const client = WireClient.dial(seed.session.port, { artifact: swarm.artifact });
    await client.until(() => client.has('haveAll'));
    client.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const layer = { root: metainfo.files[0]!.root!, base: 0, index: 0, length: 2048 };
    const message = encodeMessage({ type: 'hashRequest', ...layer, proofLayers: 0 });
    void flood(client, message, 2_000_000);
    await eventually(() => seed.session.stats().connections).toBe(0);
    // Each answer has 64 KiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB);
    client.socket.destroy();
  });

  it('of hash requests that is read has each of them answered', async () => {
    const swarm = keep(new TestFleet(artifact));
    const seed = await swarm.add({ complete: true, access: 'open' });
    const client = WireClient.dial(seed.session.port, { artifact });
    await client.until(() => client.has('haveAll'));
    for (let each = 0; each < 1000; each++) client.send({ type: 'hashRequest', ...hashRange });
    const answers = () => client.messages.filter(({ type }) => type === 'hashReject').length;
    await client.until(() => answers() >= 1000);
    expect(answers()).toBe(1000);
    client.socket.destroy();
  });

  it('of changes of mind is borne', async () => {
    const swarm = keep(new TestFleet(artifact));
    const machine = await swarm.add();
    const client = await memberOf(machine);
    for (let each = 0; each < 5000; each++) {
      client.send({ type: 'choke' }, { type: 'haveAll' }, { type: 'unchoke' });
      client.send({ type: 'interested' }, { type: 'notInterested' }, { type: 'haveNone' });
      const upload = encodeExtensionHandshake({ m: new Map(), uploadOnly: each % 2 === 0 });
      client.socket.write(extendedMessage(0, upload));
    }
    await swarm.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
    client.socket.destroy();
  });

  it('of requests for a few bytes each waits only as far as it is worth', async () => {
    const one = artifactOf({ files: [MIB], pieceLength: MIB });
    const swarm = keep(new TestFleet(one));
    // Of ten bytes each, it sends 1,600 at once and then hardly any.
    const seed = await swarm.add({ complete: true, access: 'open', uploadLimit: 1 });
    const client = WireClient.dial(seed.session.port, { artifact: one });
    await client.until(() => client.has('haveAll'));
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    const requests = Array.from({ length: 10_000 }, (_, at) =>
      encodeMessage({ type: 'request', piece: 0, begin: 10 * at, length: 10 }),
    );
    client.socket.write(Buffer.concat(requests));
    const rejects = () => client.messages.filter(({ type }) => type === 'reject').length;
    await client.until(() => rejects() > 3000);
    expect(client.blocks.length).toBeLessThan(2000);
    client.socket.destroy();
  });
});

describe('what does not exist', () => {
  const far = 0xffff_fff0;

  it.each([
    ['a piece', encodeMessage({ type: 'have', piece: pieceCount })],
    ['pieces', run({ type: 'have', pieces: [{ first: pieceCount - 1, count: 2 }] })],
    ['more pieces than there are', run({ type: 'have', pieces: [everything, everything] })],
    ['a piece that is requested', encodeMessage({ type: 'request', ...block, piece: pieceCount })],
    ['bytes beyond a piece', encodeMessage({ type: 'request', ...block, begin: far })],
    ['a request for nothing', encodeMessage({ type: 'request', ...block, length: 0 })],
    ['a run', run({ type: 'request', run: far, offset: 0, length: 1 })],
    ['bytes beyond a run', run({ type: 'request', run: 0, offset: far, length: 16 })],
    ['a span for nothing', run({ type: 'request', run: 0, offset: 0, length: 0 })],
    ['a piece that is lost', extendedMessage(4, Buffer.from([0xff, 0xff, 0xff, 0xff]))],
    ['a bitfield of another length', encodeMessage({ type: 'bitfield', bits: Buffer.alloc(3) })],
    [
      'bits beyond the last piece',
      encodeMessage({ type: 'bitfield', bits: Buffer.alloc(Math.ceil(pieceCount / 8), 0xff) }),
    ],
    [
      'more runs than there are',
      extendedMessage(3, encodeOfferMessage({ type: 'offer', runs: [everything, everything] })),
    ],
    ['a second proof', extendedMessage(1, Buffer.alloc(32))],
    ['a message without end', Buffer.from([0x7f, 0xff, 0xff, 0xff, 20])],
  ])('(%s) ends the connection', async (_, message) => {
    const swarm = keep(new TestFleet(artifact));
    const machine = await swarm.add();
    const client = await memberOf(machine);
    client.socket.write(message);
    await client.untilClosed();
    await eventually(() => machine.session.stats()).toMatchObject({ refused: 1, connections: 0 });
    expect(machine.torrent.state).toBe('downloading');
  });

  it.each([
    ['a reject of what nobody asked for', encodeMessage({ type: 'reject', ...block, piece: far })],
    ['a cancel of it', encodeMessage({ type: 'cancel', ...block, piece: far })],
    ['a cancel of a run', run({ type: 'cancel', run: far, offset: far, length: far })],
    ['a reject of a run', run({ type: 'reject', run: far, offset: far, length: far })],
    ['a hash request', encodeMessage({ type: 'hashRequest', ...hashRange, base: far, index: far })],
    [
      'a hash request for nothing',
      encodeMessage({ type: 'hashRequest', ...hashRange, length: 0, proofLayers: far }),
    ],
  ])('(%s) does no harm', async (_, message) => {
    const swarm = keep(new TestFleet(artifact));
    const seed = await swarm.add({ complete: true });
    const client = await memberOf(seed);
    client.socket.write(message);
    const machine = await swarm.add();
    await machine.torrent.done;
    expect(client.closed).toBe(false);
    client.socket.destroy();
  });
});

describe('payload that nobody asked for', () => {
  it('ends the connection, also of who asks for nothing any more', async () => {
    const swarm = keep(new TestFleet(artifact));
    const seed = await swarm.add({ complete: true });
    const client = await memberOf(seed);
    sendSpan(client, 0, 0, Buffer.alloc(16 * KIB));
    await client.untilClosed();
    await eventually(() => seed.session.stats().refused).toBe(1);
    expect(client.closed).toBe(true);
  });
});

describe('who comes again and again', () => {
  it('with an offence each time is banned', async () => {
    const swarm = keep(new TestFleet(artifact));
    const { session } = await swarm.add({ complete: true, access: 'open' });
    const port = 7777;
    for (let time = 0; time < 3; time++) {
      const client = WireClient.dial(session.port, { artifact });
      await client.until(() => client.has('haveAll'));
      const p = encodeExtensionHandshake({ m: new Map(), p: port });
      client.socket.write(extendedMessage(0, p));
      client.socket.write(encodeMessage({ type: 'have', piece: pieceCount }));
      await client.untilClosed();
    }
    await eventually(() => session.stats().bannedPeers).toBe(1);
    expect(session.stats().refused).toBe(3);
  });

  it('is let in only so often', async () => {
    const swarm = keep(new TestFleet(artifact));
    const { session } = await swarm.add({
      complete: true,
      session: { maxConnectionsPerHost: 2 },
    });
    let greeted = 0;
    for (let time = 0; time < 60; time++) {
      const client = WireClient.dial(session.port, { artifact, secret: SECRET }, '127.0.0.66');
      await client.until(() => client.handshake !== null).catch(() => {});
      if (client.handshake) greeted++;
      client.socket.destroy();
      await eventually(() => session.stats().connections).toBe(0);
    }
    expect(greeted).toBeLessThan(40);
    // Others come in as ever.
    const machine = await swarm.add();
    await machine.torrent.done;
  });
});
