import { FleetseedError, toFleetseedError } from '#lib/contracts';
import type { InfoHashKind } from '#lib/torrent';
import {
  DEFAULT_WIRE_LIMITS,
  EXTENSION_HANDSHAKE_ID,
  HandshakeReader,
  WireDecoder,
  decodeDontHave,
  decodeExtensionHandshake,
  decodeOfferMessage,
  decodeRunMessage,
  formatIpPort,
  type BlockKind,
  type FleetRole,
  type Handshake,
  type WireMessage,
  type WireSink,
} from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import type { BanSubject } from '../policy/ban.list.js';
import { RateLimiter } from '../policy/rate.limiter.js';
import { peerRefused, protocolError } from './peer-errors.js';
import { OUR_EXTENSION, PeerGreeting } from './peer-greeting.js';
import { PeerSender } from './peer-sender.js';
import type { PeerConnectionOptions, PeerHandler, PeerIdentity } from './peer.types.js';
import type { Transport } from './transport.js';

/** Messages a second that a peer may send for long; blocks count as messages. */
const MESSAGES_PER_SECOND = 200_000;
/** A peer that does not read is closed when this much waits for it, bytes. */
const QUEUE_LIMIT = 32 * 1024 * 1024;

/**
 * One connection: it speaks the protocol and knows what both ends said. What to do about it is the
 * handler's business. No byte about the artifact leaves before the peer is known (see PeerGreeting).
 */
export class PeerConnection implements WireSink {
  readonly transport: Transport;
  readonly initiated: boolean;
  /** What the peer has. */
  have: Bitfield = new Bitfield(0);
  /** The peer does not answer our requests; members never choke. */
  choking = true;
  /** The peer wants something of us. */
  interested = false;
  /** The peer wants nothing (BEP 21). */
  uploadOnly = false;
  /** It proved that it belongs to the fleet. */
  isMember = false;
  /** Null until the connection is up. */
  send: PeerSender | null = null;
  readonly startedAt: number;
  #greeting: PeerGreeting | null = null;
  #handler: PeerHandler | null = null;
  #reader: HandshakeReader | null = new HandshakeReader();
  readonly #decoder: WireDecoder;
  readonly #options: PeerConnectionOptions;
  readonly #messages: RateLimiter;
  #gotPieces = false;
  #receivedAt: number;
  #stageAt: number;
  #closing = false;
  #reason: FleetseedError | null = null;

  /** @param dial what is dialled, and the hash it announced; null for an accepted transport */
  constructor(
    transport: Transport,
    dial: { readonly identity: PeerIdentity; readonly hash: InfoHashKind } | null,
    options: PeerConnectionOptions,
  ) {
    const now = options.clock.monotonic();
    this.transport = transport;
    this.initiated = dial !== null;
    this.#options = options;
    this.#decoder = new WireDecoder(this);
    this.#messages = new RateLimiter(MESSAGES_PER_SECOND, now);
    this.startedAt = this.#receivedAt = this.#stageAt = now;
    if (dial) this.#greeting = new PeerGreeting(dial.identity, true);
    transport.start({
      connected: () => {
        if (dial) this.transport.send(this.#greeting!.dial(dial.hash));
      },
      data: (chunk) => this.#data(chunk),
      closed: (error) => this.#closed(error),
    });
  }

  /** The peer is known, and its handler at work. */
  get isReady(): boolean {
    return this.#handler !== null;
  }

  get peerId(): Buffer | null {
    return this.#greeting?.remote?.peerId ?? null;
  }

  /** The connection speaks the v2 view: pieces end with their files, hash messages are understood. */
  get isV2(): boolean {
    return this.#greeting?.v2 ?? true;
  }

  /** What a fleet peer says it is; null for strangers. */
  get role(): FleetRole | null {
    return this.isMember ? (this.#greeting?.extensions?.fs?.role ?? null) : null;
  }

  get target(): string | undefined {
    return this.#greeting?.extensions?.fs?.target;
  }

  /** Client name, as the peer tells it. */
  get client(): string | undefined {
    return this.#greeting?.extensions?.v;
  }

  /** Requests that the peer queues; undefined when it does not tell. */
  get reqq(): number | undefined {
    return this.#greeting?.extensions?.reqq;
  }

  /** The port on which the peer itself accepts connections; undefined when it does not tell. */
  get listenPort(): number | undefined {
    return this.initiated ? this.transport.port : this.#greeting?.extensions?.p;
  }

  /**
   * What a ban of this peer goes by: the address at which it would be met again. One that does not tell
   * its port is known by its peer id.
   */
  get banSubject(): BanSubject {
    const { host } = this.transport;
    const { listenPort: port } = this;
    if (port !== undefined) return { host, peer: formatIpPort({ host, port }) };
    return { host, peer: `${host} ${this.peerId?.toString('hex') ?? ''}` };
  }

  get isClosed(): boolean {
    return this.#closing;
  }

  /** Looks after time-outs; to be called about once a second. */
  tick(now: number): void {
    const { handshakeMs, idleMs, keepAliveMs } = this.#options.timeouts;
    if (!this.isReady && now - this.#stageAt > handshakeMs) {
      const stage = this.#greeting?.remote ? 'its extension handshake' : 'its handshake';
      this.close(new FleetseedError('TIMED_OUT', `The peer did not send ${stage}.`));
    } else if (this.isReady && now - this.#receivedAt > idleMs) {
      this.close(new FleetseedError('TIMED_OUT', 'The peer was silent for too long.'));
    } else if (this.transport.queuedBytes > QUEUE_LIMIT) {
      this.close(new FleetseedError('TIMED_OUT', 'The peer does not read what it is sent.'));
    } else if (this.send && now - this.send.sentAt > keepAliveMs) {
      this.send.keepAlive();
    }
  }

  /** @param reason null when nothing is wrong */
  close(reason: FleetseedError | null = null): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#reason = reason;
    this.#decoder.stop();
    this.transport.close();
  }

  /** The rest of the block that is coming in is dropped; its memory is the caller's again. */
  discardBlock(): void {
    this.#decoder.discardBlock();
  }

  message(message: WireMessage): void {
    this.#count();
    switch (message.type) {
      case 'choke':
      case 'unchoke':
        return this.#setChoking(message.type === 'choke');
      case 'interested':
      case 'notInterested':
        return this.#setInterested(message.type === 'interested');
      case 'have':
        return this.#gained(message.piece, 1);
      case 'bitfield':
        return this.#hasNew(Bitfield.fromBuffer(message.bits, this.have.size));
      case 'haveAll':
        return this.#hasNew(Bitfield.full(this.have.size));
      case 'haveNone':
        return this.#hasNew(new Bitfield(this.have.size));
      case 'request':
        return this.#handler?.requested('piece', message.piece, message.begin, message.length);
      case 'cancel':
        return this.#handler?.cancelled('piece', message.piece, message.begin, message.length);
      case 'reject':
        return this.#handler?.rejected('piece', message.piece, message.begin, message.length);
      case 'hashRequest':
        return this.#handler?.hashRequested(message);
      case 'extended':
        return this.#extended(message.id, message.payload);
      case 'keepAlive':
      case 'suggest':
      case 'allowedFast':
      case 'port':
      case 'hashes':
      case 'hashReject':
      case 'unknown':
        // Of no use to us, or from a later protocol: a peer is not to blame for either.
        return;
    }
  }

  blockBegins(kind: BlockKind, index: number, begin: number, length: number): Uint8Array | null {
    this.#count();
    if (!this.#handler) throw protocolError('it sent payload before it was known');
    return this.#handler.blockBegins(kind, index, begin, length);
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#handler?.blockEnds(kind, index, begin, length);
  }

  #data(chunk: Uint8Array): void {
    if (this.#closing) return;
    this.#receivedAt = this.#options.clock.monotonic();
    try {
      if (this.#reader) this.#openWith(chunk);
      else this.#decoder.push(chunk);
      this.#handler?.received(chunk.length);
    } catch (error) {
      this.close(toFleetseedError(error));
    }
  }

  #openWith(chunk: Uint8Array): void {
    const read = this.#reader!.push(chunk);
    if (read === null) return;
    this.#reader = null;
    this.#greet(read.handshake);
    if (!this.#closing && read.consumed < chunk.length) {
      this.#decoder.push(chunk.subarray(read.consumed));
    }
  }

  #greet(handshake: Handshake): void {
    this.#stageAt = this.#options.clock.monotonic();
    if (!this.#greeting) {
      const identity = this.#options.lookup(handshake);
      if (!identity) throw peerRefused('the torrent is not known here, or full');
      this.#greeting = new PeerGreeting(identity, false);
    }
    const greeting = this.#greeting;
    const answer = greeting.handshake(handshake);
    const { pieceCount } = greeting.identity;
    this.have = new Bitfield(pieceCount);
    this.#decoder.limits.maxMessageBytes = DEFAULT_WIRE_LIMITS.maxMessageBytes + pieceCount / 8;
    this.send = new PeerSender(this.transport, greeting, this.#options.clock);
    if (answer) this.transport.send(answer);
    const extensions = greeting.extensionHandshake(this.transport.host);
    if (extensions) this.transport.send(extensions);
    else this.#known();
  }

  #extended(id: number, payload: Buffer): void {
    const { isMember } = this;
    if (id === EXTENSION_HANDSHAKE_ID) return this.#extensionHandshake(payload);
    if (id === OUR_EXTENSION.member) return this.#proof(payload);
    if (id === OUR_EXTENSION.dontHave) return this.#lost(decodeDontHave(payload));
    if (id === OUR_EXTENSION.run && isMember) return this.#runMessage(payload);
    if (id === OUR_EXTENSION.offer && isMember) {
      const { type, runs } = decodeOfferMessage(payload);
      return type === 'offer' ? this.#handler?.offered(runs) : this.#handler?.withdrawn(runs);
    }
    // Ids that we did not advertise: clients exist that send them.
  }

  #extensionHandshake(payload: Buffer): void {
    const greeting = this.#greeting!;
    const again = greeting.extensions !== null;
    greeting.extended(decodeExtensionHandshake(payload));
    const uploadOnly = greeting.extensions?.uploadOnly ?? false;
    const changed = uploadOnly !== this.uploadOnly;
    this.uploadOnly = uploadOnly;
    if (again) {
      if (changed) this.#handler?.uploadOnly();
    } else if (greeting.claimsMembership) {
      this.transport.send(greeting.proof());
    } else {
      this.#known();
    }
  }

  #proof(payload: Buffer): void {
    if (this.isReady) throw protocolError('a second proof of membership');
    this.#greeting!.verify(payload);
    this.isMember = true;
    this.choking = false;
    this.#decoder.spanExtensionId = OUR_EXTENSION.run;
    this.#known();
  }

  #runMessage(payload: Buffer): void {
    const message = decodeRunMessage(payload);
    if (message.type === 'have') {
      for (const { first, count } of message.pieces) this.#gained(first, count);
      return;
    }
    const { run, offset, length } = message;
    if (message.type === 'request') this.#handler?.requested('span', run, offset, length);
    else if (message.type === 'reject') this.#handler?.rejected('span', run, offset, length);
    else this.#handler?.cancelled('span', run, offset, length);
  }

  #known(): void {
    if (this.isReady) return;
    const { host, port } = this.transport;
    if (!this.isMember && !this.#greeting!.identity.admits(host, port)) {
      throw peerRefused('strangers are not served here');
    }
    this.#handler = this.#options.ready();
  }

  #setChoking(choking: boolean): void {
    if (this.choking === choking) return;
    this.choking = choking;
    this.#handler?.choking();
  }

  #setInterested(interested: boolean): void {
    if (this.interested === interested) return;
    this.interested = interested;
    this.#handler?.interested();
  }

  #hasNew(have: Bitfield): void {
    // It belongs first, but clients exist that send extensions, and even HAVE, before it.
    if (this.#gotPieces) {
      this.#hasMore(have);
      return;
    }
    this.#gotPieces = true;
    for (const piece of this.have.indices()) have.set(piece);
    this.have = have;
    this.#handler?.hasNew();
  }

  /** aria2 sends a bitfield again, instead of many HAVEs, when that is shorter. */
  #hasMore(have: Bitfield): void {
    for (const piece of have.indices()) this.#gained(piece, 1);
  }

  #gained(first: number, count: number): void {
    if (first + count > this.have.size)
      throw protocolError('a piece that does not exist', { first });
    for (let piece = first; piece < first + count; piece++) {
      if (this.have.set(piece)) this.#handler?.gained(piece);
    }
  }

  #lost(piece: number): void {
    if (piece >= this.have.size) throw protocolError('a piece that does not exist', { piece });
    if (this.have.clear(piece)) this.#handler?.lost(piece);
  }

  #count(): void {
    const now = this.#receivedAt;
    if (this.#messages.available(now) === 0) throw protocolError('too many messages');
    this.#messages.spend(1, now);
  }

  #closed(error: Error | null): void {
    this.#closing = true;
    this.#decoder.stop();
    if (error && !this.#reason) {
      const text = `The connection to the peer failed: ${error.message}`;
      this.#reason = new FleetseedError('ORIGIN_UNREACHABLE', text, {}, { cause: error });
    }
    this.#handler?.closed(this.#reason);
    this.#options.closed(this.#reason);
  }
}
