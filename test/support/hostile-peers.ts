import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import type { SwarmTicket } from '#lib/contracts';
import {
  EXTENSION,
  buildAnnounceUrl,
  decodeRunMessage,
  encodeMessage,
  extendedMessage,
  peerIdOf,
  spanHeader,
  type WireMessage,
} from '#lib/wire';

import { OWN_ID, RawPeer, swarmOf } from './raw-peer.js';

/** Not the address of the honest ones: all of 127.0.0.0/8 is this machine. */
const HOST = '127.0.0.66';

/** Where nobody listens. */
const PHANTOM = '127.0.0.67:9';

/** What a peer that belongs to the swarm does when it is asked for a span. */
export type Misdeed =
  /** Sends as many bytes as were asked for, but wrong ones. */
  | 'wrong-blocks'
  /** Sends nothing, and stays connected. */
  | 'silence'
  /** Sends bytes that are no messages. */
  | 'garbage'
  /** Begins a message of almost 4 GiB. */
  | 'oversized'
  /** Sends spans that nobody asked for. */
  | 'unasked';

/** A peer that proves its membership, says it has everything, and then misbehaves. */
export class HostilePeer {
  /** Payload bytes that it sent. */
  sentBytes = 0;
  /** Spans that were asked of it. */
  requests = 0;
  readonly connections: RawPeer[] = [];
  readonly #peerId = peerIdOf('-XX0000-');

  private constructor(
    private readonly server: Server,
    private readonly ticket: SwarmTicket,
    private readonly misdeed: Misdeed,
  ) {
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** Listens and announces as a seed, so that who downloads dials it. */
  static async start(ticket: SwarmTicket, misdeed: Misdeed): Promise<HostilePeer> {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    const peer = new HostilePeer(server, ticket, misdeed);
    await peer.announce('started');
    return peer;
  }

  get address(): string {
    return `${HOST}:${(this.server.address() as AddressInfo).port}`;
  }

  /** Dials another peer as itself. */
  dial(address: string): Promise<RawPeer> {
    const listenPort = Number(this.address.split(':')[1]);
    return RawPeer.dial(address, { ...swarmOf(this.ticket), listenPort }, HOST);
  }

  /**
   * Announces another seed that nobody finds. With two seeds in a swarm the origin sends nothing of
   * its own accord, so that who downloads has to ask this one.
   */
  async announcePhantom(): Promise<void> {
    await this.announce('started', { peerId: peerIdOf('-XX0000-'), address: PHANTOM });
  }

  async announce(
    event: 'started' | 'stopped',
    { peerId, address } = { peerId: this.#peerId, address: this.address },
  ): Promise<void> {
    const url = buildAnnounceUrl(this.ticket.announce[0]![0]!, {
      infoHash: Buffer.from(this.ticket.artifact, 'hex').subarray(0, 20),
      peerId,
      port: Number(address.split(':')[1]),
      uploaded: 0,
      downloaded: 0,
      left: 0,
      event,
      numWant: 0,
      compact: true,
      noPeerId: true,
      fleet: true,
      advertise: address,
    });
    const answer = Buffer.from(await (await fetch(url)).arrayBuffer()).toString('latin1');
    if (answer.includes('failure reason')) throw new Error(`The tracker refused: ${answer}`);
  }

  async close(): Promise<void> {
    await this.announce('stopped').catch(() => {});
    for (const connection of this.connections) connection.end();
    this.server.close();
  }

  #accept(socket: Socket): void {
    const peer = new RawPeer(socket, swarmOf(this.ticket), false);
    this.connections.push(peer);
    peer.onMessage = (message) => this.#heard(peer, message);
    peer.member.then(
      () => peer.send(encodeMessage({ type: 'haveAll' })),
      () => {},
    );
  }

  #heard(peer: RawPeer, message: WireMessage): void {
    if (message.type !== 'extended' || message.id !== OWN_ID.run) return;
    const asked = decodeRunMessage(message.payload);
    if (asked.type !== 'request') return;
    this.requests += 1;
    const { run, offset, length } = asked;
    switch (this.misdeed) {
      case 'silence':
        return;
      case 'wrong-blocks':
        return this.#sendSpan(peer, run, offset, length);
      case 'unasked':
        return this.#sendSpan(peer, run + 1, offset, length);
      case 'garbage':
        peer.send(randomBytes(64 * 1024));
        return;
      case 'oversized':
        peer.send(Buffer.from([0xff, 0xff, 0xff, 0xf0, 20, 1, 2, 3]));
        return;
    }
  }

  #sendSpan(peer: RawPeer, run: number, offset: number, length: number): void {
    peer.send(spanHeader(peer.idOf(EXTENSION.run), run, offset, length));
    peer.send(randomBytes(length));
    this.sentBytes += length;
  }
}

/**
 * Sends messages that are allowed by their form and of no use, as fast as they are taken.
 * @returns how many bytes were taken before the other side hung up, or `mostBytes`
 */
export async function flood(
  peer: RawPeer,
  message: Uint8Array,
  mostBytes: number,
): Promise<number> {
  let sent = 0;
  while (sent < mostBytes && !peer.isClosed) {
    const goesOn = peer.send(message);
    sent += message.length;
    if (!goesOn) await Promise.race([once(peer.socket, 'drain').catch(() => {}), peer.closed]);
  }
  return sent;
}

/** A large message of an extension that nobody knows. */
export function uselessMessage(bytes: number): Buffer {
  return extendedMessage(99, Buffer.alloc(bytes, 0x55));
}
