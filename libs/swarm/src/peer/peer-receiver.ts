import {
  DEFAULT_WIRE_LIMITS,
  EXTENSION_HANDSHAKE_ID,
  MESSAGE_ID,
  WireDecoder,
  decodeDontHave,
  decodeExtensionHandshake,
  decodeOfferMessage,
  decodeRunMessage,
  type BlockKind,
  type WireMessage,
  type WireSink,
} from '#lib/wire';

import { Bitfield } from '../bitfield.js';
import { MessageBudget, indicesIn } from './message-budget.js';
import { peerRefused, protocolError } from './peer-errors.js';
import { OUR_EXTENSION, type PeerGreeting } from './peer-greeting.js';
import type { PeerLiveness } from './peer-liveness.js';
import { PeerPieces } from './peer-pieces.js';
import type { PeerSender } from './peer-sender.js';
import type { PeerHandler } from './peer.types.js';
import type { Transport } from './transport.js';

export interface PeerReceiverOptions {
  readonly transport: Transport;
  readonly liveness: PeerLiveness;
  /** The peer is known, as a member or as a stranger that is admitted: who takes care of it? */
  readonly ready: () => PeerHandler;
  /** Monotonic milliseconds. */
  readonly now: number;
}

/**
 * Understands what one peer says after its handshake: it keeps what the peer is and has, and hands on the
 * rest, once the peer is known. What it throws ends the connection.
 */
export class PeerReceiver implements WireSink {
  /** The peer does not answer our requests; members never choke. */
  choking = true;
  /** The peer wants something of us. */
  interested = false;
  /** The peer wants nothing (BEP 21). */
  uploadOnly = false;
  /** It proved that it belongs to the fleet. */
  isMember = false;
  /** Null until the peer is known. */
  handler: PeerHandler | null = null;
  readonly #options: PeerReceiverOptions;
  readonly #decoder = new WireDecoder(this);
  readonly #budget: MessageBudget;
  readonly #pieces = new PeerPieces((pieces) => this.#weigh(pieces));
  /** Both are there before anything can be received. */
  #greeting!: PeerGreeting;
  #send!: PeerSender;
  /** A block comes in that we asked for. */
  #taking = false;
  #receivedAt: number;

  constructor(options: PeerReceiverOptions) {
    this.#options = options;
    this.#budget = new MessageBudget(options.now);
    this.#receivedAt = options.now;
  }

  /** What the peer has. */
  get have(): Bitfield {
    return this.#pieces.have;
  }

  /** See `WireDecoder`. */
  get restOfBlock(): Uint8Array | null {
    return this.#decoder.restOfBlock;
  }

  /** Handshakes were exchanged. @param send the other direction */
  begin(greeting: PeerGreeting, send: PeerSender): void {
    this.#greeting = greeting;
    this.#send = send;
    const { pieceCount } = greeting.identity;
    this.#pieces.begin(pieceCount);
    this.#decoder.limits.maxMessageBytes = DEFAULT_WIRE_LIMITS.maxMessageBytes + pieceCount / 8;
  }

  /** Everything that could be told of the peer was told. @throws FleetseedError when it may not stay */
  known(): void {
    if (this.handler) return;
    const { transport, ready } = this.#options;
    if (!this.isMember && !this.#greeting.identity.admits(transport.host, transport.port)) {
      throw peerRefused('strangers are not served here');
    }
    this.handler = ready();
  }

  /** @throws FleetseedError WIRE_INVALID, and what the handler throws */
  push(chunk: Uint8Array, now: number): void {
    this.#receivedAt = now;
    this.#decoder.push(chunk);
    if (this.#taking) this.#options.liveness.heardAt = now;
  }

  /** Nothing of what is still to come is looked at. */
  stop(): void {
    this.#decoder.stop();
  }

  /** The rest of the block that is coming in is dropped; its memory is the caller's again. */
  discardBlock(): void {
    this.#taking = false;
    this.#decoder.discardBlock();
    this.#options.transport.retarget();
  }

  wants(messageId: number, extensionId: number): boolean {
    if (messageId !== MESSAGE_ID.extended) return false;
    const { member, run, offer, dontHave, metadata } = OUR_EXTENSION;
    if (extensionId === run || extensionId === offer) return this.isMember;
    if (extensionId === metadata) return this.#greeting.metadata !== null;
    return extensionId === 0 || extensionId === member || extensionId === dontHave;
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
        return this.#pieces.gained(message.piece, 1, this.handler);
      case 'bitfield':
        return this.#hasNew(Bitfield.fromBuffer(message.bits, this.have.size));
      case 'haveAll':
        this.#checkFast();
        return this.#hasNew(Bitfield.full(this.have.size));
      case 'haveNone':
        this.#checkFast();
        return this.#hasNew(new Bitfield(this.have.size));
      case 'request':
        return this.handler?.requested('piece', message.piece, message.begin, message.length);
      case 'cancel':
        return this.handler?.cancelled('piece', message.piece, message.begin, message.length);
      case 'reject':
        this.#checkFast();
        return this.handler?.rejected('piece', message.piece, message.begin, message.length);
      case 'hashRequest':
        return this.handler?.hashRequested(message);
      case 'extended':
        return this.#extended(message.id, message.payload);
      case 'suggest':
      case 'allowedFast':
        // Hints, which nobody has to follow.
        return this.#checkFast();
      case 'keepAlive':
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
    if (!this.handler) throw protocolError('it sent payload before it was known');
    const target = this.handler.blockBegins(kind, index, begin, length);
    this.#taking = target !== null;
    return target;
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#taking = false;
    this.handler?.blockEnds(kind, index, begin, length);
  }

  #extended(id: number, payload: Buffer): void {
    const { isMember } = this;
    if (id === EXTENSION_HANDSHAKE_ID) return this.#extensionHandshake(payload);
    if (id === OUR_EXTENSION.member) return this.#proof(payload);
    if (id === OUR_EXTENSION.dontHave)
      return this.#pieces.lost(decodeDontHave(payload), this.handler);
    if (id === OUR_EXTENSION.metadata) return this.#giveMetadata(payload);
    if (id === OUR_EXTENSION.run && isMember) return this.#runMessage(payload);
    if (id === OUR_EXTENSION.offer && isMember) return this.#offerMessage(payload);
    // Ids that we did not advertise: clients exist that send them.
  }

  #extensionHandshake(payload: Buffer): void {
    const greeting = this.#greeting;
    const again = greeting.extensions !== null;
    this.#weigh(4 * payload.length);
    greeting.extended(decodeExtensionHandshake(payload));
    const uploadOnly = greeting.extensions?.uploadOnly ?? false;
    const changed = uploadOnly !== this.uploadOnly;
    this.uploadOnly = uploadOnly;
    if (again) {
      if (changed) this.handler?.uploadOnly();
    } else if (greeting.claimsMembership) {
      this.#options.transport.send(greeting.proof());
    } else {
      this.known();
    }
  }

  #proof(payload: Buffer): void {
    if (this.handler) throw protocolError('a second proof of membership');
    this.#greeting.verify(payload);
    this.isMember = true;
    this.choking = false;
    this.#decoder.spanExtensionId = OUR_EXTENSION.run;
    this.known();
  }

  #giveMetadata(payload: Buffer): void {
    const answer = this.handler ? this.#greeting.metadata?.answer(payload) : null;
    if (answer) this.#send.metadata(answer);
  }

  #runMessage(payload: Buffer): void {
    const message = decodeRunMessage(payload);
    if (message.type === 'have') return this.#pieces.gainedRanges(message.pieces, this.handler);
    const { run, offset, length } = message;
    if (message.type === 'request') this.handler?.requested('span', run, offset, length);
    else if (message.type === 'reject') this.handler?.rejected('span', run, offset, length);
    else this.handler?.cancelled('span', run, offset, length);
  }

  #offerMessage(payload: Buffer): void {
    const { type, runs } = decodeOfferMessage(payload);
    // A run has a piece at least.
    this.#weigh(indicesIn(runs, this.have.size));
    if (type === 'wish') this.handler?.wished(runs);
    else if (type === 'offer') this.handler?.offered(runs);
    else this.handler?.withdrawn(runs);
  }

  #setChoking(choking: boolean): void {
    if (this.choking === choking) return;
    this.choking = choking;
    this.handler?.choking();
  }

  #setInterested(interested: boolean): void {
    if (this.interested === interested) return;
    this.interested = interested;
    this.handler?.interested();
  }

  #hasNew(have: Bitfield): void {
    this.#pieces.hasNew(have, this.handler);
  }

  /** BEP 6: its messages mean nothing where it was not agreed on, and end the connection. */
  #checkFast(): void {
    if (!this.#greeting.fast) throw protocolError('a message of the fast extension without it');
  }

  #count(): void {
    this.#options.liveness.heardAt = this.#receivedAt;
    this.#budget.message(this.#receivedAt);
  }

  #weigh(items: number): void {
    this.#budget.items(items, this.#receivedAt);
  }
}
