import { randomBytes } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import { v1EditionOf, type InfoHashKind } from '#lib/torrent';
import {
  EXTENSION,
  HandshakeReader,
  WireDecoder,
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  encodeHandshake,
  encodeMessage,
  extendedMessage,
  memberProof,
  peerIdOf,
  type BlockKind,
  type ExtensionHandshake,
  type Handshake,
  type WireMessage,
  type WireSink,
} from '#lib/wire';

import type { TestArtifact } from './session.fixture.js';

export interface WireClientOptions {
  readonly artifact: TestArtifact;
  /** The hash of the first message; v2 by default. */
  readonly view?: InfoHashKind;
  readonly v2Upgrade?: boolean;
  /** Proves membership with this secret; a stranger without. */
  readonly secret?: Buffer;
  readonly fast?: boolean;
  /** Said in the extension handshake beside what membership needs. */
  readonly extensions?: Partial<ExtensionHandshake>;
}

/** Block that came: its payload is a copy. */
export interface ReceivedBlock {
  readonly kind: BlockKind;
  readonly index: number;
  readonly begin: number;
  readonly bytes: Buffer;
}

/** A peer of a test's own, that says what the test makes it say and keeps what it hears. */
export class WireClient implements WireSink {
  readonly messages: WireMessage[] = [];
  readonly blocks: ReceivedBlock[] = [];
  readonly peerId = peerIdOf('-XX0001-');
  handshake: Handshake | null = null;
  extensions: ExtensionHandshake | null = null;
  isMember = false;
  closed = false;
  /** What to do about a message; called after it was kept. */
  onMessage: (message: WireMessage) => void = () => {};
  readonly #nonce = randomBytes(32);
  readonly #decoder = new WireDecoder(this);
  readonly #reader = new HandshakeReader();
  #target: Buffer | null = null;
  #waiters: (() => void)[] = [];

  constructor(
    readonly socket: Socket,
    private readonly options: WireClientOptions,
    private readonly initiated: boolean,
  ) {
    socket.on('data', (chunk) => this.#data(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
    this.#decoder.spanExtensionId = 2;
    if (initiated) this.#greet();
  }

  /** Dials a session, from another loopback address if need be. */
  static dial(port: number, options: WireClientOptions, from = '127.0.0.1'): WireClient {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    return new WireClient(socket, options, true);
  }

  send(...messages: Exclude<WireMessage, { type: 'unknown' }>[]): void {
    for (const message of messages) this.socket.write(encodeMessage(message));
  }

  /** Sends an extension message under the id that the other side wants. */
  extended(name: string, payload: Buffer): void {
    this.socket.write(extendedMessage(this.extensions!.m.get(name)!, payload));
  }

  /** Resolves when the condition holds; rejects when the connection ended before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error('The connection was closed.');
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }

  has(type: WireMessage['type']): boolean {
    return this.messages.some((message) => message.type === type);
  }

  message(message: WireMessage): void {
    this.messages.push(message);
    if (message.type === 'extended' && message.id === 0) this.#extensionHandshake(message.payload);
    if (message.type === 'extended' && message.id === 1) this.isMember = true;
    this.onMessage(message);
  }

  blockBegins(_kind: BlockKind, _index: number, _begin: number, length: number): Uint8Array {
    this.#target = Buffer.alloc(length);
    return this.#target;
  }

  blockEnds(kind: BlockKind, index: number, begin: number): void {
    this.blocks.push({ kind, index, begin, bytes: this.#target! });
  }

  #greet(): void {
    const { artifact, view = 'v2', v2Upgrade = false, fast = true } = this.options;
    const { infoHashV1, infoHashV2 } = artifact.metainfo;
    const infoHash = {
      v1: infoHashV1,
      v2: infoHashV2!.subarray(0, 20),
      'v1-only': v1EditionOf(artifact.metainfo)?.infoHash,
    }[view]!;
    const { peerId } = this;
    this.socket.write(encodeHandshake({ infoHash, peerId, fast, extensions: true, v2Upgrade }));
  }

  #data(chunk: Buffer): void {
    let at = 0;
    if (!this.handshake) {
      const read = this.#reader.push(chunk);
      if (!read) return;
      this.handshake = read.handshake;
      at = read.consumed;
      if (!this.initiated) this.#greet();
      this.#introduce();
    }
    if (at < chunk.length) this.#decoder.push(chunk.subarray(at));
    this.#wake();
  }

  #introduce(): void {
    const { secret } = this.options;
    const fs = secret && { version: 1, nonce: this.#nonce, role: 'agent' as const };
    const names = secret ? [EXTENSION.member, EXTENSION.run, EXTENSION.offer] : [];
    const { extensions } = this.options;
    const own = names.map((name, index) => [name, index + 1] as const);
    const m = new Map([...own, ...(extensions?.m ?? [])]);
    const payload = encodeExtensionHandshake({ ...extensions, m, ...(fs ? { fs } : {}) });
    this.socket.write(extendedMessage(0, payload));
  }

  #extensionHandshake(payload: Buffer): void {
    const again = this.extensions !== null;
    this.extensions = decodeExtensionHandshake(payload);
    const { secret, artifact } = this.options;
    if (!secret || !this.extensions.fs || again) return;
    const proof = memberProof(secret, {
      infoHashV2: artifact.metainfo.infoHashV2!,
      proverInitiated: this.initiated,
      proverNonce: this.#nonce,
      verifierNonce: this.extensions.fs.nonce,
      proverPeerId: this.peerId,
      proverRole: 'agent',
    });
    this.extended(EXTENSION.member, proof);
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** A listener whose connections are peers of the test's making. */
export class WireServer {
  readonly clients: WireClient[] = [];
  readonly #server: Server;

  private constructor(options: WireClientOptions, met: (client: WireClient) => void) {
    this.#server = createServer((socket) => {
      const client = new WireClient(socket, options, false);
      this.clients.push(client);
      met(client);
    });
  }

  static async open(
    options: WireClientOptions,
    met: (client: WireClient) => void,
    host = '127.0.0.1',
  ): Promise<WireServer> {
    const server = new WireServer(options, met);
    await new Promise<void>((resolve) => {
      server.#server.listen(0, host, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const { socket } of this.clients) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
