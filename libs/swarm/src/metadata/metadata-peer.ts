import { FleetseedError, toFleetseedError } from '#lib/contracts';
import {
  EXTENSION,
  EXTENSION_HANDSHAKE_ID,
  HandshakeReader,
  WireDecoder,
  decodeExtensionHandshake,
  decodeMetadataMessage,
  encodeExtensionHandshake,
  encodeHandshake,
  encodeMessage,
  encodeMetadataMessage,
  extendedMessage,
  type ExtensionHandshake,
  type Handshake,
  type HashRange,
  type MetadataMessage,
  type WireMessage,
  type WireSink,
} from '#lib/wire';

import { protocolError } from '../peer/peer-errors.js';
import type { Transport } from '../peer/transport.js';

/** The id under which we want `ut_metadata`. */
const METADATA_ID = 1;
const CLIENT = 'Fleetseed 0.1';

/** How a peer is greeted. */
export interface Greeting {
  /** 20 bytes: v1, or v2 truncated. */
  readonly infoHash: Buffer;
  /** BEP 52: the peer may answer with the v2 hash. */
  readonly v2Upgrade: boolean;
  /** Hashes that it may answer with. */
  readonly accepts: readonly Buffer[];
  /** 20 bytes. */
  readonly peerId: Buffer;
}

/** What is wanted of a peer. Throwing closes the connection. */
export interface MetadataPeerHandler {
  /** It has sent its extension handshake. */
  introduced(extensions: ExtensionHandshake): void;
  /** Of BEP 9, but for its requests. */
  metadata(message: MetadataMessage): void;
  hashes(range: HashRange, hashes: Buffer | null): void;
  /** Called once, last; never with null as long as the handler is not done. */
  closed(error: FleetseedError): void;
}

/**
 * A connection to a peer of a torrent whose metadata we lack: it can neither tell what it has nor
 * take payload, and everything about pieces is passed over.
 */
export class MetadataPeer implements WireSink {
  #reader: HandshakeReader | null = new HandshakeReader();
  readonly #decoder = new WireDecoder(this);
  #extensions: ExtensionHandshake | null = null;
  #reason: FleetseedError | null = null;

  constructor(
    private readonly transport: Transport,
    private readonly greeting: Greeting,
    private readonly handler: MetadataPeerHandler,
  ) {
    transport.start({
      connected: () => this.#dialled(),
      data: (chunk) => this.#data(chunk),
      closed: (error) => this.handler.closed(this.#reason ?? outOfReach(error)),
    });
  }

  request(piece: number): void {
    const id = this.#extensions?.m.get(EXTENSION.metadata) ?? 0;
    this.transport.send(extendedMessage(id, encodeMetadataMessage({ type: 'request', piece })));
  }

  requestHashes(range: HashRange): void {
    this.transport.send(encodeMessage({ type: 'hashRequest', ...range }));
  }

  close(reason: FleetseedError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#decoder.stop();
    this.transport.close();
  }

  message(message: WireMessage): void {
    if (message.type === 'hashes') this.handler.hashes(message, message.hashes);
    else if (message.type === 'hashReject') this.handler.hashes(message, null);
    else if (message.type === 'extended') this.#extended(message.id, message.payload);
  }

  blockBegins(): Uint8Array | null {
    throw protocolError('payload that nobody asked for');
  }

  blockEnds(): void {}

  #dialled(): void {
    const { infoHash, peerId, v2Upgrade } = this.greeting;
    const flags = { fast: true, extensions: true, v2Upgrade };
    this.transport.send(encodeHandshake({ infoHash, peerId, ...flags }));
  }

  #data(chunk: Uint8Array): void {
    if (this.#reason) return;
    try {
      const read = this.#reader?.push(chunk);
      if (read === null) return;
      if (read) this.#greeted(read.handshake);
      this.#decoder.push(read ? chunk.subarray(read.consumed) : chunk);
    } catch (error) {
      this.close(toFleetseedError(error));
    }
  }

  #greeted({ infoHash, extensions, fast }: Handshake): void {
    this.#reader = null;
    if (!this.greeting.accepts.some((known) => known.equals(infoHash))) {
      throw protocolError('it answered with the hash of another torrent');
    }
    if (!extensions) throw refusal('it does not speak the extension protocol');
    const m = new Map([[EXTENSION.metadata, METADATA_ID] as const]);
    const introduction = encodeExtensionHandshake({ m, v: CLIENT });
    this.transport.send(extendedMessage(EXTENSION_HANDSHAKE_ID, introduction));
    // BEP 6 wants one word about pieces, whatever it is.
    if (fast) this.transport.send(encodeMessage({ type: 'haveNone' }));
  }

  #extended(id: number, payload: Buffer): void {
    if (id === METADATA_ID) {
      const message = decodeMetadataMessage(payload);
      if (message.type !== 'request') this.handler.metadata(message);
    } else if (id === EXTENSION_HANDSHAKE_ID && this.#extensions === null) {
      this.#extensions = decodeExtensionHandshake(payload);
      this.handler.introduced(this.#extensions);
    }
  }
}

/** The peer cannot or will not give what is wanted; no offence. */
export function refusal(why: string): FleetseedError {
  return new FleetseedError('PEER_REFUSED', `The peer is of no help: ${why}.`);
}

function outOfReach(error: Error | null): FleetseedError {
  const text = error ? error.message : 'it closed the connection';
  const cause = error ? { cause: error } : {};
  return new FleetseedError('ORIGIN_UNREACHABLE', `The peer is out of reach: ${text}`, {}, cause);
}
