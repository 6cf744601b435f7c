import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import type { SwarmTicket } from '#lib/contracts';
import {
  EXTENSION,
  EXTENSION_HANDSHAKE_ID,
  FLEET_PROTOCOL_VERSION,
  HandshakeReader,
  WireDecoder,
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  encodeHandshake,
  extendedMessage,
  memberProof,
  peerIdOf,
  verifyMemberProof,
  type ExtensionHandshake,
  type Handshake,
  type WireMessage,
} from '#lib/wire';

/** What a peer has to know of a swarm. */
export interface SwarmFacts {
  /** 32 bytes. */
  readonly infoHashV2: Buffer;
  /** Null: a stranger. A wrong one: an impostor. */
  readonly secret: Buffer | null;
  /** Where it says that it accepts connections itself: it is known again by that. */
  readonly listenPort?: number;
}

export function swarmOf({ artifact, swarmSecret }: SwarmTicket): SwarmFacts & { secret: Buffer } {
  return {
    infoHashV2: Buffer.from(artifact, 'hex'),
    secret: Buffer.from(swarmSecret, 'base64url'),
  };
}

/** The ids under which this peer wants to be sent extensions. */
export const OWN_ID = { member: 11, run: 12, offer: 13 } as const;

/**
 * One connection of a peer that is written apart from the engine: it greets as the protocol says, and
 * then does nothing of its own accord, so that a test decides what a peer does wrong.
 */
export class RawPeer {
  /** Every message but the blocks. */
  readonly messages: WireMessage[] = [];
  /** Payload bytes of blocks that came. */
  blockBytes = 0;
  /** Resolves when the other side has proven its membership and knows ours. */
  readonly member: Promise<void>;
  readonly closed: Promise<void>;
  isClosed = false;
  onMessage: (message: WireMessage) => void = () => {};
  #reader: HandshakeReader | null = new HandshakeReader();
  #decoder: WireDecoder;
  #remote: { handshake: Handshake; extensions: ExtensionHandshake | null } | null = null;
  readonly #peerId = peerIdOf('-XX0000-');
  readonly #nonce = randomBytes(32);
  readonly #proven = Promise.withResolvers<void>();

  constructor(
    readonly socket: Socket,
    private readonly swarm: SwarmFacts,
    private readonly initiated: boolean,
  ) {
    this.#decoder = new WireDecoder({
      message: (message) => this.#message(message),
      blockBegins: () => null,
      blockEnds: (_kind, _index, _begin, length) => (this.blockBytes += length),
    });
    this.#decoder.spanExtensionId = OWN_ID.run;
    this.member = this.#proven.promise;
    this.member.catch(() => {});
    this.closed = closed(socket).then(() => {
      this.isClosed = true;
      this.#proven.reject(new Error('The connection ended before membership was proven.'));
    });
    socket.on('data', (chunk) => this.#data(chunk));
    if (initiated) socket.write(this.#handshake());
  }

  /**
   * @param address `HOST:PORT` of a peer port
   * @param from the address of this machine to come from
   */
  static async dial(address: string, swarm: SwarmFacts, from?: string): Promise<RawPeer> {
    const socket = await dialRaw(address, from);
    return new RawPeer(socket, swarm, true);
  }

  /** The id under which the other side wants an extension. */
  idOf(name: string): number {
    return this.#remote?.extensions?.m.get(name) ?? 0;
  }

  /** Sends bytes as they are. */
  send(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }

  end(): void {
    this.socket.destroy();
  }

  /** Names of the messages that came, extension messages by what they are about. */
  get told(): string[] {
    return this.messages.map((message) => {
      if (message.type !== 'extended') return message.type;
      const own = Object.entries(OWN_ID).find(([, id]) => id === message.id);
      return message.id === EXTENSION_HANDSHAKE_ID ? 'greeting' : `fs_${own?.[0] ?? 'unknown'}`;
    });
  }

  #data(chunk: Buffer): void {
    if (this.#reader) {
      const read = this.#reader.push(chunk);
      if (!read) return;
      this.#reader = null;
      this.#remote = { handshake: read.handshake, extensions: null };
      if (!this.initiated) this.socket.write(this.#handshake());
      this.socket.write(this.#greeting());
      chunk = chunk.subarray(read.consumed);
    }
    this.#decoder.push(chunk);
  }

  #message(message: WireMessage): void {
    this.messages.push(message);
    if (message.type === 'extended' && message.id === EXTENSION_HANDSHAKE_ID) {
      this.#remote!.extensions ??= decodeExtensionHandshake(message.payload);
      if (this.swarm.secret) this.socket.write(this.#proof(this.swarm.secret));
    } else if (message.type === 'extended' && message.id === OWN_ID.member) {
      this.#verify(message.payload);
    } else {
      this.onMessage(message);
    }
  }

  #verify(proof: Buffer): void {
    const { handshake, extensions } = this.#remote!;
    const { infoHashV2, secret } = this.swarm;
    const claim = {
      infoHashV2,
      proverInitiated: !this.initiated,
      proverNonce: extensions!.fs!.nonce,
      verifierNonce: this.#nonce,
      proverPeerId: handshake.peerId,
      proverRole: extensions!.fs!.role,
    };
    if (secret && verifyMemberProof(secret, claim, proof)) this.#proven.resolve();
    else this.#proven.reject(new Error('The proof of the other side is wrong.'));
  }

  #handshake(): Buffer {
    const infoHash = this.swarm.infoHashV2.subarray(0, 20);
    const flags = { fast: true, extensions: true, v2Upgrade: false };
    return encodeHandshake({ infoHash, peerId: this.#peerId, ...flags });
  }

  #greeting(): Buffer {
    const { member, run, offer } = OWN_ID;
    const m = new Map<string, number>([
      [EXTENSION.member, member],
      [EXTENSION.run, run],
      [EXTENSION.offer, offer],
    ]);
    const fs = { version: FLEET_PROTOCOL_VERSION, nonce: this.#nonce, role: 'agent' } as const;
    const { secret, listenPort } = this.swarm;
    const said = {
      reqq: 500,
      ...(listenPort === undefined ? {} : { p: listenPort }),
      ...(secret ? { m, fs } : { m: new Map<string, number>() }),
    };
    return extendedMessage(EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake(said));
  }

  #proof(secret: Buffer): Buffer {
    const proof = memberProof(secret, {
      infoHashV2: this.swarm.infoHashV2,
      proverInitiated: this.initiated,
      proverNonce: this.#nonce,
      verifierNonce: this.#remote!.extensions!.fs!.nonce,
      proverPeerId: this.#peerId,
      proverRole: 'agent',
    });
    return extendedMessage(this.idOf(EXTENSION.member), proof);
  }
}

/** Resolves when the connection is over, be it by a reset: hanging up is what tests are about. */
export async function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('error', () => {});
  socket.once('close', () => resolve());
  if (socket.closed) resolve();
  await promise;
}

/** A plain TCP connection to `HOST:PORT`. */
export async function dialRaw(address: string, localAddress = '127.0.0.1'): Promise<Socket> {
  const at = address.lastIndexOf(':');
  const socket = connect({
    host: address.slice(0, at),
    port: Number(address.slice(at + 1)),
    localAddress,
  });
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
}
