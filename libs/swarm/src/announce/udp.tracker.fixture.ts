import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

import {
  decodeUdpRequest,
  encodeUdpAnswer,
  type UdpAnnounce,
  type UdpAnswer,
  type UdpRequest,
} from '#lib/wire';

import type { Heard, Reaction, TestTracker, TrackerKind } from './announcer.conformance.fixture.js';

/** Answers a request; null is silence. */
export type UdpReaction = (request: UdpRequest, from: RemoteInfo) => Buffer | UdpAnswer | null;

/** A UDP socket on loopback in a tracker's place. */
export class UdpTestTracker implements TestTracker {
  /** All that came, in order. */
  readonly requests: UdpRequest[] = [];
  /** Who sent it. */
  readonly senders: RemoteInfo[] = [];

  private constructor(
    readonly socket: Socket,
    react: UdpReaction,
    private readonly family: 4 | 6,
  ) {
    socket.on('message', (bytes, from) => {
      const request = decodeUdpRequest(bytes)!;
      this.requests.push(request);
      this.senders.push(from);
      const answer = react(request, from);
      if (answer) this.send(answer, from);
    });
  }

  static async open(react: UdpReaction, host = '127.0.0.1'): Promise<UdpTestTracker> {
    const family = host.includes(':') ? 6 : 4;
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    return new UdpTestTracker(socket, react, family);
  }

  get url(): string {
    const { address, port } = this.socket.address();
    const host = this.family === 6 ? `[${address}]` : address;
    return `udp://${host}:${port}/announce/key/announce`;
  }

  send(answer: Buffer | UdpAnswer, to: RemoteInfo): void {
    const bytes = Buffer.isBuffer(answer) ? answer : encodeUdpAnswer(answer, this.family);
    this.socket.send(bytes, to.port, to.address);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(resolve));
  }
}

export const CONNECTION_ID = Buffer.alloc(8, 7);

export function connected({ transactionId }: UdpRequest): UdpAnswer {
  return { action: 'connect', transactionId, connectionId: CONNECTION_ID };
}

/** Grants a connection to everybody; announces are answered as told. */
export function whenConnected(react: (announce: UdpAnnounce) => UdpAnswer | null): UdpReaction {
  return (request) => {
    if (request.action === 'connect') return connected(request);
    return request.action === 'announce' ? react(request) : null;
  };
}

export const UDP_TRACKER: TrackerKind = {
  name: 'UDP',
  nobody: 'udp://127.0.0.1:9',
  open: (react) =>
    UdpTestTracker.open((request) => {
      if (request.action === 'connect') return connected(request);
      return answerOf(react(request as Heard & UdpAnnounce), request.transactionId);
    }),
};

function answerOf(reaction: Reaction, transactionId: number): UdpAnswer | Buffer | null {
  if (reaction === null) return null;
  if (reaction === 'nonsense') return nonsenseFor(transactionId);
  if (reaction.type === 'failure') {
    return { action: 'error', transactionId, message: reaction.reason };
  }
  const { interval, complete = 0, incomplete = 0, peers } = reaction;
  return { action: 'announce', transactionId, interval, complete, incomplete, peers };
}

/** An announce that is cut off. */
function nonsenseFor(transactionId: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(1, 0);
  bytes.writeUInt32BE(transactionId, 4);
  return bytes;
}
