import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';

import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '#lib/runtime';
import {
  decodeUdpAnswer,
  encodeUdpRequest,
  type UdpAnnounce,
  type UdpAnswer,
  type UdpRequest,
} from '#lib/wire';

import { MEMBER_KEY, V1, V2, authorizeKnown, trackerOf } from '../tracker.fixture.js';
import { ConnectionIds } from './connection-ids.js';
import { TrackerUdp } from './tracker-udp.js';
import { UdpDoor } from './udp-door.js';

const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function openDoor(host: string, port = 0): Promise<UdpDoor> {
  const { tracker, clock } = trackerOf('closed');
  const ids = new ConnectionIds(Buffer.alloc(32, 7), clock);
  const door = await UdpDoor.open(new TrackerUdp({ tracker, ids }), { host, port });
  closing.push(() => door.close());
  return door;
}

/** A client with a socket of its own. */
class UdpClient {
  #connectionId: Buffer = Buffer.alloc(8);

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
    private readonly port: number,
  ) {}

  static async connect(host: string, port: number): Promise<UdpClient> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    closing.push(async () => void socket.close());
    const client = new UdpClient(socket, host, port);
    const answer = await client.ask({ action: 'connect', transactionId: 7 });
    if (answer.action !== 'connect') throw new Error(answer.action);
    client.#connectionId = answer.connectionId;
    return client;
  }

  announce(change: Partial<UdpAnnounce>): Promise<UdpAnswer> {
    return this.ask(this.#request(change));
  }

  announceOf(change: Partial<UdpAnnounce>): Buffer {
    return encodeUdpRequest(this.#request(change));
  }

  #request(change: Partial<UdpAnnounce>): UdpAnnounce {
    return {
      action: 'announce',
      connectionId: this.#connectionId,
      transactionId: 8,
      infoHash: V2,
      peerId: Buffer.from(`-LT2080-${String(change.port).padStart(12, '0')}`),
      downloaded: 0,
      left: 100,
      uploaded: 0,
      event: 'started',
      ip: 0,
      key: 1,
      numWant: null,
      port: 6881,
      urlData: `/announce/${MEMBER_KEY}/announce`,
      ...change,
    };
  }

  async ask(request: UdpRequest): Promise<UdpAnswer> {
    const answered = once(this.socket, 'message', { signal: AbortSignal.timeout(5000) });
    this.send(encodeUdpRequest(request));
    const [bytes] = (await answered) as [Buffer];
    return decodeUdpAnswer(bytes, this.host.includes(':') ? 6 : 4);
  }

  send(datagram: Buffer): void {
    this.socket.send(datagram, this.port, this.host);
  }
}

/** Sees the loop's turns as those do who share it, until nothing more is answered. */
function turnsOf(turn: { answers: number; readonly most: number }): Promise<void> {
  return new Promise<void>((resolve) => {
    let idle = 0;
    const next = () => {
      idle = turn.answers === 0 ? idle + 1 : 0;
      turn.answers = 0;
      if (turn.most > 0 && idle > 100) resolve();
      else setImmediate(next);
    };
    setImmediate(next);
  });
}

describe('UdpDoor', () => {
  it.each(['127.0.0.1', ...(HAS_IPV6 ? ['::1'] : [])])('serves clients on %s', async (host) => {
    const door = await openDoor(host);
    const first = await UdpClient.connect(host, door.port);
    expect(await first.announce({ port: 7001 })).toMatchObject({ action: 'announce', peers: [] });
    const second = await UdpClient.connect(host, door.port);
    const told = await second.announce({ port: 7002, infoHash: V1 });
    expect(told).toMatchObject({ transactionId: 8, peers: [{ host, port: 7001 }] });
    expect(await second.announce({ urlData: '' })).toMatchObject({ action: 'error' });
  });

  it('goes on after garbage', async () => {
    const door = await openDoor('127.0.0.1');
    const client = await UdpClient.connect('127.0.0.1', door.port);
    for (const bytes of [0, 1, 15, 16, 97, 9000]) client.send(Buffer.alloc(bytes, 1));
    expect(await client.announce({ port: 7001 })).toMatchObject({ action: 'announce' });
  });

  it('gives others their turn while more comes than it answers in one', async () => {
    const turn = { answers: 0, most: 0 };
    const ids = new ConnectionIds(Buffer.alloc(32, 7), {
      ...systemClock,
      // Asked once for every connect; the answer takes a while.
      now: () => {
        turn.most = Math.max(turn.most, ++turn.answers);
        for (const end = performance.now() + 0.05; performance.now() < end;);
        return systemClock.now();
      },
    });
    const { tracker } = trackerOf('closed');
    const udp = new TrackerUdp({ tracker, ids });
    const door = await UdpDoor.open(udp, { host: '127.0.0.1', port: 0 });
    closing.push(() => door.close());
    const client = await UdpClient.connect('127.0.0.1', door.port);
    const sent = 1500;
    const connect = encodeUdpRequest({ action: 'connect', transactionId: 7 });
    turn.answers = 0;
    for (let nth = 0; nth < sent; nth++) client.send(connect);
    await turnsOf(turn);
    expect(turn.most).toBeLessThan(sent / 2);
  });

  it('gives others their turn among many whose keys have to be looked up', async () => {
    const turn = { answers: 0, most: 0 };
    const { tracker, clock } = trackerOf('closed', {
      authorize: (key, swarm) => {
        turn.most = Math.max(turn.most, ++turn.answers);
        return authorizeKnown(key, swarm);
      },
    });
    const ids = new ConnectionIds(Buffer.alloc(32, 7), clock);
    const udp = new TrackerUdp({ tracker, ids });
    const door = await UdpDoor.open(udp, { host: '127.0.0.1', port: 0 });
    closing.push(() => door.close());
    const client = await UdpClient.connect('127.0.0.1', door.port);
    for (let port = 1; port <= 1000; port++) client.send(client.announceOf({ port }));
    await turnsOf(turn);
    // Those, and as many that Node reads in the same turn.
    expect(turn.most).toBeLessThan(80);
  });

  it('says so when it cannot listen, and gives its port back when it is closed', async () => {
    const { port } = await openDoor('127.0.0.1');
    await expect(openDoor('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await closing.shift()!();
    expect((await openDoor('127.0.0.1', port)).port).toBe(port);
  });
});
