import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';
import { EXTENSION, encodeRunMessage, spanHeader } from '#lib/wire';

import { WANTED_NEIGHBOURS } from '../policy/dial.policy.js';
import { memberThat, passTime, rejectSpan, strangerThat } from './bad-peers.fixture.js';
import { MIB, SECRET, TestFleet, artifactOf, eventually } from './session.fixture.js';
import { WireClient, WireServer } from './wire-client.fixture.js';

const artifact = artifactOf({ files: [4 * MIB] });
const opened: { close(): Promise<void> }[] = [];

function keep<T extends { close(): Promise<void> }>(server: T): T {
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

/** A machine that downloads, in a time of the test's own. */
async function machineIn(clock: VirtualClock) {
  const fleet = keep(new TestFleet(artifact));
  return { fleet, machine: await fleet.add({ session: { clock } }) };
}

/** Whoever is dialled here hears only what the test makes it hear. */
async function listen(host: string, met: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    met(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  opened.push({
    close: () => {
      server.close();
      return Promise.resolve();
    },
  });
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

describe('who claims to have everything', () => {
  it('and rejects every request gives its place to another in the end', async () => {
    const clock = new VirtualClock();
    const { machine } = await machineIn(clock);
    const liar = keep(
      await memberThat(artifact, '127.0.0.2', (client, run, offset, bytes) => {
        rejectSpan(client, run, offset, bytes.length);
      }),
    );
    machine.torrent.addPeers([{ host: '127.0.0.2', port: liar.port }]);
    await passTime(clock, () => liar.clients[0]?.closed ?? false);
    // It was asked a bounded number of times meanwhile.
    const asked = liar.clients[0]!.messages.filter(
      ({ type, ...message }) => type === 'extended' && 'id' in message && message.id === 2,
    );
    expect(asked.length).toBeLessThan(1000);
  });

  it('and never delivers is replaced, offends, and is banned when it goes on like this', async () => {
    const clock = new VirtualClock();
    const { machine } = await machineIn(clock);
    const liar = keep(await memberThat(artifact, '127.0.0.2', () => {}));
    machine.torrent.addPeers([{ host: '127.0.0.2', port: liar.port }]);
    await passTime(clock, () => machine.session.stats().bannedPeers === 1);
    expect(liar.clients.length).toBe(3);
    expect(clock.monotonic()).toBeLessThan(600_000);
  });

  it('and sends one byte a second is replaced too', async () => {
    const clock = new VirtualClock();
    const { machine } = await machineIn(clock);
    const liar = keep(
      await memberThat(artifact, '127.0.0.2', (client, run, offset, bytes) => {
        if (client.messages.length > 4) return;
        client.socket.write(
          spanHeader(client.extensions!.m.get(EXTENSION.run)!, run, offset, bytes.length),
        );
        const drip = () => {
          if (client.closed) return;
          client.socket.write(bytes.subarray(0, 1));
          clock.setTimer(1000, drip);
        };
        drip();
      }),
    );
    machine.torrent.addPeers([{ host: '127.0.0.2', port: liar.port }]);
    await passTime(clock, () => liar.clients[0]?.closed ?? false);
    expect(clock.monotonic()).toBeLessThan(120_000);
    expect(machine.torrent.stats().bytes.fromPeers).toBe(0);
  });

  it('among strangers and never delivers is replaced', async () => {
    const clock = new VirtualClock();
    const fleet = keep(new TestFleet(artifact));
    const machine = await fleet.add({ session: { clock }, access: 'open', swarmSecret: null });
    const liar = keep(await strangerThat(artifact, '127.0.0.2', () => {}));
    machine.torrent.addPeers([{ host: '127.0.0.2', port: liar.port }]);
    await passTime(clock, () => liar.clients[0]?.closed ?? false);
    expect(clock.monotonic()).toBeLessThan(60_000);
  });

  it('does not keep a download from completing, however many there are of its kind', async () => {
    const clock = new VirtualClock();
    const { fleet, machine } = await machineIn(clock);
    const liars = await Promise.all(
      Array.from({ length: 24 }, async (_, at) => {
        const host = `127.0.1.${at + 1}`;
        const answer =
          at % 2 === 0
            ? () => {}
            : (client: WireClient, run: number, offset: number, bytes: Buffer) =>
                rejectSpan(client, run, offset, bytes.length);
        return { host, port: keep(await memberThat(artifact, host, answer)).port };
      }),
    );
    machine.torrent.addPeers(liars);
    await passTime(clock, () => machine.torrent.stats().neighbours.length >= 10);
    await fleet.add({ complete: true });
    let done = false;
    void machine.torrent.done.then(() => (done = true));
    await passTime(clock, () => done, 50);
    expect(artifact.payload.equals(await machine.content())).toBe(true);
  });
});

describe('who has nothing and says nothing', () => {
  it('does not keep others out: neighbours that give nothing make room while nothing comes', async () => {
    const clock = new VirtualClock();
    const { fleet, machine } = await machineIn(clock);
    const idle = await Promise.all(
      Array.from({ length: WANTED_NEIGHBOURS + 2 }, async (_, at) => {
        const host = `127.0.1.${at + 1}`;
        const server = await WireServer.open({ artifact, secret: SECRET }, () => {}, host);
        return { host, port: keep(server).port };
      }),
    );
    machine.torrent.addPeers(idle);
    await passTime(clock, () => machine.torrent.stats().neighbours.length === WANTED_NEIGHBOURS);
    // It does not dial by itself, and is known by its address alone.
    const honest = await fleet.add({ complete: true });
    machine.torrent.addPeers([{ host: '127.0.0.1', port: honest.session.port }]);
    let done = false;
    void machine.torrent.done.then(() => (done = true));
    await passTime(clock, () => done);
    expect(machine.torrent.state).toBe('seeding');
    // Long before they are parted from for their silence.
    expect(clock.monotonic()).toBeLessThan(100_000);
  });

  it('does not fill a table for good: who comes gets the place of one that is of no use', async () => {
    const clock = new VirtualClock();
    const fleet = keep(new TestFleet(artifact));
    const seed = await fleet.add({ complete: true, maxNeighbours: 4, session: { clock } });
    const secret = SECRET;
    const idle = Array.from({ length: 4 }, () =>
      WireClient.dial(seed.session.port, { artifact, secret }, '127.0.0.66'),
    );
    await Promise.all(idle.map((client) => client.until(() => client.isMember)));
    await passTime(clock, () => seed.torrent.stats().neighbours.length === 4);
    // While they may still show what they are here for they stay.
    const early = WireClient.dial(seed.session.port, { artifact, secret });
    await early.untilClosed();
    clock.advance(11_000);
    const machine = await fleet.add();
    await machine.torrent.done;
    expect(idle.filter(({ closed }) => closed).length).toBe(1);
  });
});

describe('who does not go on', () => {
  it('with its handshake is parted from, be it that it sends a byte now and then', async () => {
    const clock = new VirtualClock();
    const fleet = keep(new TestFleet(artifact));
    const { session } = await fleet.add({ complete: true, session: { clock } });
    const socket = connect({ host: '127.0.0.1', port: session.port });
    let closed = false;
    socket.on('error', () => {});
    socket.on('close', () => (closed = true));
    const drip = () => {
      if (closed) return;
      socket.write(Buffer.from([19]));
      clock.setTimer(1000, drip);
    };
    drip();
    await eventually(() => session.stats().halfOpen).toBe(1);
    await passTime(clock, () => closed);
    expect(clock.monotonic()).toBeLessThan(20_000);
  });

  it('with its extension handshake is parted from', async () => {
    const clock = new VirtualClock();
    const fleet = keep(new TestFleet(artifact));
    const { session } = await fleet.add({ complete: true, session: { clock } });
    const client = WireClient.dial(session.port, { artifact, secret: SECRET });
    // What it would answer is thrown away.
    client.socket.write = () => true;
    await client.until(() => client.has('extended'));
    await passTime(clock, () => client.closed);
    expect(clock.monotonic()).toBeLessThan(30_000);
    expect(client.messages.map(({ type }) => type)).toEqual(['extended']);
  });

  it('with a message is parted from, although its bytes keep coming', async () => {
    const clock = new VirtualClock();
    const fleet = keep(new TestFleet(artifact));
    const { session } = await fleet.add({ complete: true, session: { clock } });
    const client = WireClient.dial(session.port, { artifact, secret: SECRET });
    await client.until(() => client.isMember);
    // A bitfield of a million bytes, one a second.
    client.socket.write(Buffer.from([0, 0x0f, 0, 0, 5]));
    const drip = () => {
      if (client.closed) return;
      client.socket.write(Buffer.alloc(1));
      clock.setTimer(1000, drip);
    };
    drip();
    await passTime(clock, () => client.closed, 1000);
    expect(clock.monotonic()).toBeLessThan(300_000);
  });

  it('at all after it was dialled costs a place among the dials for a while only', async () => {
    const clock = new VirtualClock();
    const { machine } = await machineIn(clock);
    const sockets: Socket[] = [];
    const silent = await Promise.all(
      Array.from({ length: 9 }, (_, at) =>
        listen(`127.0.1.${at + 1}`, (socket) => sockets.push(socket)),
      ),
    );
    machine.torrent.addPeers(
      silent.map((server, at) => ({ host: `127.0.1.${at + 1}`, port: portOf(server) })),
    );
    // Eight are dialled at once; the ninth gets its turn when they were given up.
    await passTime(clock, () => sockets.length === 9);
    expect(clock.monotonic()).toBeLessThan(30_000);
    for (const socket of sockets) socket.destroy();
  });
});

describe('who asks and does not read', () => {
  it('keeps nobody else from being served, and is parted from', async () => {
    const clock = new VirtualClock();
    const large = artifactOf({ files: [16 * MIB], pieceLength: MIB });
    const fleet = keep(new TestFleet(large));
    const seed = await fleet.add({ complete: true, session: { clock, uploadsAtOnce: 4 } });
    const deaf = await Promise.all(
      Array.from({ length: 3 }, async (_, at) => {
        const options = { artifact: large, secret: SECRET };
        const client = WireClient.dial(seed.session.port, options, `127.0.1.${at + 1}`);
        await client.until(() => client.isMember);
        client.socket.pause();
        // More than what the system takes on the way.
        for (let at = 0; at < 128; at++) {
          const request = { type: 'request', run: at % 16, offset: 0, length: MIB } as const;
          client.extended(EXTENSION.run, encodeRunMessage(request));
        }
        return client;
      }),
    );
    await passTime(clock, () => seed.session.stats().uploads >= 4, 10);
    const machine = await fleet.add();
    let done = false;
    void machine.torrent.done.then(() => (done = true));
    await passTime(clock, () => done, 50);
    expect(clock.monotonic()).toBeLessThan(60_000);
    // In the end they are parted from, and their memory is free.
    await passTime(clock, () => seed.session.stats().connections === 0);
    await eventually(() => seed.session.stats().uploads).toBe(0);
    for (const { socket } of deaf) socket.destroy();
  });

  it('is closed when it asks for more and more that is rejected', async () => {
    const fleet = keep(new TestFleet(artifact));
    const { session } = await fleet.add();
    const client = WireClient.dial(session.port, { artifact, secret: SECRET });
    await client.until(() => client.isMember);
    client.socket.pause();
    const nothing = { type: 'request', piece: 0, begin: 0, length: 1 } as const;
    let asked = 0;
    const ask = () => {
      while (!client.socket.writableNeedDrain && asked < 4_000_000) {
        for (let each = 0; each < 500; each++, asked++) client.send(nothing);
      }
    };
    client.socket.on('drain', ask);
    ask();
    await eventually(() => session.stats().connections).toBe(0);
    client.socket.destroy();
    expect(asked).toBeLessThan(4_000_000);
  });
});
