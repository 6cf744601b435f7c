import { afterEach, describe, expect, it } from 'vitest';

import { bdict, bencode, verifyHashes } from '#lib/torrent';
import {
  EXTENSION,
  encodeDontHave,
  encodeExtensionHandshake,
  extendedMessage,
  pieceHeader,
  type ExtensionHandshake,
  type WireMessage,
} from '#lib/wire';

import type { AnnounceRequest } from '../announce/announcer.js';
import { Bitfield } from '../bitfield.js';
import {
  KIB,
  MIB,
  TestFleet,
  artifactOf,
  eventually,
  type TestArtifact,
} from './session.fixture.js';
import { WireClient, WireServer, type WireClientOptions } from './wire-client.fixture.js';

const BLOCK = 16 * KIB;
let fleet: TestFleet | null = null;
const opened: WireServer[] = [];

function fleetOf(artifact: TestArtifact): TestFleet {
  fleet = new TestFleet(artifact);
  return fleet;
}

afterEach(async () => {
  await fleet?.close();
  fleet = null;
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

const artifact = artifactOf({ files: [MIB], pieceLength: 64 * KIB });

async function seedAndClient(options: Partial<WireClientOptions> = {}) {
  const machine = await fleetOf(artifact).add({ complete: true, access: 'open' });
  const client = WireClient.dial(machine.session.port, { artifact, ...options });
  await client.until(() => client.extensions !== null && client.messages.length > 1);
  return { ...machine, client };
}

function sendBlock(client: WireClient, piece: number, begin: number, length: number): void {
  const at = piece * 64 * KIB + begin;
  client.socket.write(pieceHeader(piece, begin, length));
  client.socket.write(artifact.payload.subarray(at, at + length));
}

/** A stranger that seeds, block by block, as the test wants. */
async function seedThat(
  options: Partial<WireClientOptions>,
  react: (client: WireClient, message: WireMessage) => void,
): Promise<WireServer> {
  const server = await WireServer.open({ artifact, ...options }, (client) => {
    client.onMessage = (message) => react(client, message);
  });
  opened.push(server);
  return server;
}

/** Pieces that a choked client may ask for. */
async function granted(client: WireClient): Promise<number[]> {
  const pieces = () =>
    client.messages.flatMap((message) => (message.type === 'allowedFast' ? message.piece : []));
  await client.until(() => pieces().length === 10);
  return pieces();
}

/** A piece that it may not ask for. */
async function refused(client: WireClient): Promise<number> {
  const pieces = await granted(client);
  return [...Array(16).keys()].find((piece) => !pieces.includes(piece))!;
}

describe('the fast extension (BEP 6)', () => {
  const words: readonly Exclude<WireMessage, { type: 'unknown' }>[] = [
    { type: 'haveAll' },
    { type: 'haveNone' },
    { type: 'suggest', piece: 1 },
    { type: 'allowedFast', piece: 1 },
    { type: 'reject', piece: 1, begin: 0, length: BLOCK },
  ];

  it.each(words)('ends a connection without it: $type', async (word) => {
    const { session, client } = await seedAndClient({ fast: false });
    client.send(word);
    await client.untilClosed();
    expect(session.stats().refused).toBe(1);
  });

  it('has hints, which may be taken or not', async () => {
    const { client } = await seedAndClient();
    client.send({ type: 'suggest', piece: 3 }, { type: 'allowedFast', piece: 99_999 });
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    client.send({ type: 'request', piece: 3, begin: 0, length: BLOCK });
    await client.until(() => client.blocks.length === 1);
    expect(client.blocks[0]!.index).toBe(3);
  });

  it('gives a few pieces to who is choked, once', async () => {
    const { client } = await seedAndClient();
    const [piece] = await granted(client);
    const other = await refused(client);
    const ask = (index: number) => {
      for (let begin = 0; begin < 64 * KIB; begin += BLOCK) {
        client.send({ type: 'request', piece: index, begin, length: BLOCK });
      }
    };
    const rejects = () => client.messages.filter(({ type }) => type === 'reject').length;
    ask(piece!);
    await client.until(() => client.blocks.length === 4);
    ask(piece!);
    ask(other);
    await client.until(() => rejects() === 8);
    expect(client.blocks.map(({ index }) => index)).toEqual(Array.from({ length: 4 }, () => piece));
    expect(client.has('unchoke')).toBe(false);
  });

  it('gives nothing so where the origin decides what is shown', async () => {
    const origin = await fleetOf(artifact).origin({ access: 'open' });
    const client = WireClient.dial(origin.session.port, { artifact });
    await client.until(() => client.has('haveNone'));
    client.send({ type: 'request', piece: 0, begin: 0, length: BLOCK });
    await client.until(() => client.has('reject'));
    expect(client.has('allowedFast')).toBe(false);
  });

  it('is not spoken to who does not: a bitfield, and silence for what is refused', async () => {
    const { client } = await seedAndClient({ fast: false });
    // Still choked: with the extension it would be rejected.
    client.send({ type: 'request', piece: 0, begin: 0, length: BLOCK }, { type: 'interested' });
    await client.until(() => client.has('unchoke'));
    client.send({ type: 'request', piece: 1, begin: 0, length: BLOCK });
    await client.until(() => client.blocks.length === 1);
    const types = new Set(client.messages.map(({ type }) => type));
    expect(types).toEqual(new Set(['extended', 'bitfield', 'unchoke']));
    expect(client.blocks[0]!.index).toBe(1);
  });
});

describe('the extension handshake (BEP 10)', () => {
  function introduce(client: WireClient, said: ExtensionHandshake): void {
    client.send({ type: 'extended', id: 0, payload: encodeExtensionHandshake(said) });
  }

  const dontHave = (id: number) => new Map([[EXTENSION.dontHave, id]]);
  const told = (client: WireClient) =>
    client.messages.flatMap((message) =>
      message.type === 'extended' && message.id !== 0 ? [[message.id, message.payload]] : [],
    );

  /** When everything that was sent before has been taken in. */
  async function settled(client: WireClient): Promise<void> {
    const count = () => client.messages.filter(({ type }) => type === 'reject').length;
    const before = count();
    client.send({ type: 'request', piece: await refused(client), begin: 0, length: BLOCK });
    await client.until(() => count() > before);
  }

  it('may come again, adds names, changes ids, and takes names away with id 0', async () => {
    const { client, torrent } = await seedAndClient();
    torrent.withdraw([1]);
    introduce(client, { m: dontHave(33) });
    await settled(client);
    torrent.withdraw([2]);
    introduce(client, { m: new Map([['ut_other', 9]]) });
    await settled(client);
    torrent.withdraw([3]);
    introduce(client, { m: dontHave(44) });
    await settled(client);
    torrent.withdraw([4]);
    introduce(client, { m: dontHave(0) });
    await settled(client);
    torrent.withdraw([5]);
    await settled(client);
    expect(told(client)).toEqual([
      [33, encodeDontHave(2)],
      [33, encodeDontHave(3)],
      [44, encodeDontHave(4)],
    ]);
  });

  it('is sent again by us when we want nothing any more (BEP 21)', async () => {
    const machines = fleetOf(artifact);
    const machine = await machines.add({ access: 'open' });
    const client = WireClient.dial(machine.session.port, { artifact });
    await client.until(() => client.has('haveNone') && client.extensions !== null);
    expect(client.extensions!.uploadOnly).toBe(false);
    await machines.add({ complete: true });
    await machine.torrent.done;
    await client.until(() => client.extensions!.uploadOnly === true);
  });

  it('may come with keys of any kind', async () => {
    const { client } = await seedAndClient();
    const said = bdict({
      m: bdict({ ut_pex: 1, ut_holepunch: 2 }),
      e: 0,
      complete_ago: 5,
      yourip: 7,
    });
    client.socket.write(extendedMessage(0, bencode(said)));
    await settled(client);
    expect(client.closed).toBe(false);
  });
});

describe('seeds (BEP 21)', () => {
  it('part from who wants nothing either', async () => {
    const { client, session } = await seedAndClient();
    const payload = encodeExtensionHandshake({ m: new Map(), uploadOnly: true });
    client.send({ type: 'extended', id: 0, payload });
    await client.untilClosed();
    // No fault of the peer's.
    expect(session.stats().refused).toBe(0);
  });

  it('of a part tell the tracker that they want no more', async () => {
    const requests: AnnounceRequest[] = [];
    const announcer = {
      announce: (request: AnnounceRequest) => {
        requests.push(request);
        return Promise.resolve({ intervalMs: 60_000, minIntervalMs: 60_000, peers: [] });
      },
      retryAfterMs: () => 60_000,
    };
    const part = new Bitfield(16);
    part.set(3);
    const { torrent } = await fleetOf(artifact).add({ have: part, wanted: part, announcer });
    await torrent.done;
    expect(requests[0]).toMatchObject({ paused: true, left: MIB - 64 * KIB, numWant: 0 });
  });
});

describe('pieces that are lost (BEP 54)', () => {
  it('are told of, and requests for them rejected', async () => {
    const m = new Map([[EXTENSION.dontHave, 7] as const]);
    const { client, torrent } = await seedAndClient({ extensions: { m } });
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    torrent.withdraw([5]);
    await client.until(() =>
      client.messages.some((message) => message.type === 'extended' && message.id === 7),
    );
    client.send({ type: 'request', piece: 5, begin: 0, length: BLOCK });
    client.send({ type: 'request', piece: 6, begin: 0, length: BLOCK });
    await client.until(() => client.blocks.length === 1 && client.has('reject'));
    expect(client.blocks[0]!.index).toBe(6);
  });

  it('are not asked of who said so', async () => {
    const asked = new Set<number>();
    const forgetful = await seedThat({}, (client, message) => {
      if (message.type === 'extended' && message.id === 0) {
        client.send({ type: 'haveAll' });
        client.extended(EXTENSION.dontHave, encodeDontHave(2));
        client.extended(EXTENSION.dontHave, encodeDontHave(9));
        client.send({ type: 'unchoke' });
      } else if (message.type === 'request') {
        asked.add(message.piece);
        sendBlock(client, message.piece, message.begin, message.length);
      }
    });
    const machines = fleetOf(artifact);
    const machine = await machines.add({ access: 'open' });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: forgetful.port }]);
    await eventually(() => machine.torrent.have.count).toBe(14);
    expect([...asked].filter((piece) => piece === 2 || piece === 9)).toEqual([]);
    await machines.add({ complete: true });
    await machine.torrent.done;
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });
});

describe('clients with ways of their own', () => {
  it('rqbit: extensions before the bitfield, no word that it does not know, its own grid of blocks', async () => {
    const KNOWN: ReadonlySet<string> = new Set(
      'keepAlive choke unchoke interested notInterested have bitfield request cancel extended'.split(
        ' ',
      ),
    );
    const strange: string[] = [];
    let isUnchoked = false;
    const bits = Bitfield.full(16).toBuffer();
    const rqbit = await seedThat({ fast: false }, (client, message) => {
      if (!KNOWN.has(message.type)) {
        strange.push(message.type);
        client.socket.destroy();
      } else if (message.type === 'extended' && !isUnchoked) {
        isUnchoked = true;
        // Its extension handshake went out first.
        client.send({ type: 'bitfield', bits }, { type: 'unchoke' });
      } else if (message.type === 'request') {
        const { piece, begin, length } = message;
        const isOfGrid = begin % BLOCK === 0 && length === BLOCK;
        if (isOfGrid) sendBlock(client, piece, begin, length);
        else client.socket.destroy();
      }
    });
    const machine = await fleetOf(artifact).add({ access: 'open' });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: rqbit.port }]);
    await machine.torrent.done;
    expect(strange).toEqual([]);
    expect(rqbit.clients).toHaveLength(1);
  });

  it('aria2: no more than six requests at a time, and a bitfield in place of HAVEs', async () => {
    const { client } = await seedAndClient();
    client.send({ type: 'interested' });
    await client.until(() => client.has('unchoke'));
    const total = artifact.payload.length / BLOCK;
    let next = 0;
    const ask = () => {
      const block = next++;
      client.send({
        type: 'request',
        piece: block >> 2,
        begin: (block & 3) * BLOCK,
        length: BLOCK,
      });
    };
    for (let open = 0; open < 6; open++) ask();
    for (let done = 1; done <= total; done++) {
      await client.until(() => client.blocks.length >= done);
      if (next < total) ask();
    }
    const inOrder = client.blocks.toSorted((a, b) => a.index - b.index || a.begin - b.begin);
    expect(Buffer.concat(inOrder.map(({ bytes }) => bytes)).equals(artifact.payload)).toBe(true);
  });

  it('reqq: a peer that queues two requests is never sent a third', async () => {
    let open = 0;
    let most = 0;
    const m = new Map<string, number>();
    const narrow = await seedThat({ extensions: { m, reqq: 2 } }, (client, message) => {
      if (message.type === 'extended' && message.id === 0) {
        client.send({ type: 'haveAll' }, { type: 'unchoke' });
      } else if (message.type === 'request') {
        most = Math.max(most, ++open);
        setImmediate(() => {
          open--;
          sendBlock(client, message.piece, message.begin, message.length);
        });
      }
    });
    const machine = await fleetOf(artifact).add({ access: 'open' });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: narrow.port }]);
    await machine.torrent.done;
    expect(most).toBeLessThanOrEqual(2);
  });
});

describe('hash requests (BEP 52)', () => {
  const large = artifactOf({ files: [513 * BLOCK], pieceLength: BLOCK, format: 'hybrid' });
  const { root } = large.metainfo.files[0]!;

  async function clientOf(options: Partial<WireClientOptions> = {}): Promise<WireClient> {
    const { session } = await fleetOf(large).add({ complete: true, access: 'open' });
    const client = WireClient.dial(session.port, { artifact: large, ...options });
    await client.until(() => client.has('haveAll'));
    return client;
  }

  const range = (index: number, length: number, proofLayers: number) =>
    ({ type: 'hashRequest', root: root!, base: 0, index, length, proofLayers }) as const;
  const answers = (client: WireClient) =>
    client.messages.filter(({ type }) => type === 'hashes' || type === 'hashReject');

  it('are proved to the root, also for a last hash by itself, as libtorrent asks for it', async () => {
    const client = await clientOf();
    // 513 hashes in a layer 1,024 wide: ten layers below the root.
    const requests = [range(0, 512, 9), range(512, 512, 9), range(512, 2, 9), range(512, 1, 9)];
    for (const request of requests) client.send(request);
    await client.until(() => answers(client).length === requests.length);
    for (const [at, message] of answers(client).entries()) {
      const { length, proofLayers } = requests[at]!;
      const { hashes } = message as WireMessage & { hashes: Buffer };
      expect(hashes.length / 32).toBe(length + proofLayers - Math.log2(length) + 1);
      expect(verifyHashes(requests[at]!, hashes, root!)).toBe(true);
    }
  });

  it('are rejected when they are for more than there is', async () => {
    const client = await clientOf();
    const { root: other } = artifact.metainfo.files[0]!;
    client.send({ ...range(0, 2, 0), root: other! });
    client.send({ ...range(0, 2, 0), base: 10 });
    client.send(range(0, 3, 0), range(1, 2, 0), range(1024, 512, 0), range(0, 2, 10));
    await client.until(() => answers(client).length === 6);
    expect(new Set(answers(client).map(({ type }) => type))).toEqual(new Set(['hashReject']));
  });

  it('mean nothing on a v1 connection', async () => {
    const client = await clientOf({ view: 'v1' });
    client.send(range(0, 2, 0), { type: 'interested' });
    await client.until(() => client.has('unchoke'));
    expect(answers(client)).toEqual([]);
  });
});
