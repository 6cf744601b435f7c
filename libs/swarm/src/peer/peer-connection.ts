import { FleetseedError, toFleetseedError } from '#lib/contracts';
import type { InfoHashKind } from '#lib/torrent';
import {
  DEFAULT_WIRE_LIMITS,
  EXTENSION_HANDSHAKE_ID,
  HandshakeReader,
  MESSAGE_ID,
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
import type { Distance } from '../policy/picker.peer.js';
import { MessageBudget, indicesIn } from './message-budget.js';
import { peerRefused, protocolError } from './peer-errors.js';
import { OUR_EXTENSION, PeerGreeting } from './peer-greeting.js';
import { PeerLiveness } from './peer-liveness.js';
import { PeerPieces } from './peer-pieces.js';
import { PeerSender } from './peer-sender.js';
import type { PeerConnectionOptions, PeerHandler, PeerIdentity } from './peer.types.js';
import type { Transport } from './transport.js';

/**
 * One connection: it speaks the protocol and knows what both ends said. What to do about it is the
 * handler's business. No byte about the artifact leaves before the peer is known (see PeerGreeting).
 */
export class PeerConnection implements WireSink {
  readonly transport: Transport;
  readonly initiated: boolean;
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
  readonly #budget: MessageBudget;
  readonly #liveness: PeerLiveness;
  readonly #pieces = new PeerPieces((pieces) => this.#weigh(pieces));
  /** A block comes in that we asked for. */
  #taking = false;
  #receivedAt: number;
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
    this.#budget = new MessageBudget(now);
    this.#liveness = new PeerLiveness(transport, options.timeouts, now);
    this.startedAt = this.#receivedAt = now;
    if (dial) this.#greeting = new PeerGreeting(dial.identity, true);
    transport.start({
      connected: () => {
        if (dial) this.transport.send(this.#greeting!.dial(dial.hash));
      },
      data: (chunk) => this.#data(chunk),
      into: () => this.#decoder.restOfBlock,
      closed: (error) => this.#closed(error),
    });
  }

  /** What the peer has. */
  get have(): Bitfield {
    return this.#pieces.have;
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

  /** Unknown for strangers. */
  get distance(): Distance {
    return this.isMember ? this.#greeting!.distance : 'unknown';
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

  /** How long the peer has not read what waits for it, milliseconds; 0 when it reads. */
  stuckMs(now: number): number {
    return this.#liveness.stuckMs(now);
  }

  /** Looks after time-outs; to be called a few times a second. */
  tick(now: number): void {
    const reason = this.#liveness.look(this.isReady, this.send, now);
    if (reason) this.close(reason);
    else if (this.send && now - this.send.sentAt > this.#options.timeouts.keepAliveMs) {
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
    this.#taking = false;
    this.#decoder.discardBlock();
    this.transport.retarget();
  }

  wants(messageId: number, extensionId: number): boolean {
    if (messageId !== MESSAGE_ID.extended) return false;
    const { member, run, offer, dontHave, metadata } = OUR_EXTENSION;
    if (extensionId === run || extensionId === offer) return this.isMember;
    if (extensionId === metadata)
      return this.#greeting !== null && this.#greeting.metadata !== null;
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
        return this.#pieces.gained(message.piece, 1, this.#handler);
      case 'bitfield':
        return this.#hasNew(Bitfield.fromBuffer(message.bits, this.have.size));
      case 'haveAll':
        this.#checkFast();
        return this.#hasNew(Bitfield.full(this.have.size));
      case 'haveNone':
        this.#checkFast();
        return this.#hasNew(new Bitfield(this.have.size));
      case 'request':
        return this.#handler?.requested('piece', message.piece, message.begin, message.length);
      case 'cancel':
        return this.#handler?.cancelled('piece', message.piece, message.begin, message.length);
      case 'reject':
        this.#checkFast();
        return this.#handler?.rejected('piece', message.piece, message.begin, message.length);
      case 'hashRequest':
        return this.#handler?.hashRequested(message);
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
    if (!this.#handler) throw protocolError('it sent payload before it was known');
    const target = this.#handler.blockBegins(kind, index, begin, length);
    this.#taking = target !== null;
    return target;
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#taking = false;
    this.#handler?.blockEnds(kind, index, begin, length);
  }

  #data(chunk: Uint8Array): void {
    if (this.#closing) return;
    this.#receivedAt = this.#options.clock.monotonic();
    try {
      if (this.#reader) this.#openWith(chunk);
      else this.#decoder.push(chunk);
      if (this.#taking) this.#liveness.heardAt = this.#receivedAt;
      this.#handler?.received(chunk.length);
      const reason = this.#liveness.checkQueue(this.send);
      if (reason) this.close(reason);
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
    this.#liveness.stageAt = this.#receivedAt;
    if (!this.#greeting) {
      const identity = this.#options.lookup(handshake);
      if (!identity) throw peerRefused('the torrent is not known here, or full');
      this.#greeting = new PeerGreeting(identity, false);
    }
    const greeting = this.#greeting;
    const answer = greeting.handshake(handshake);
    const { pieceCount } = greeting.identity;
    this.#pieces.begin(pieceCount);
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
    if (id === OUR_EXTENSION.dontHave)
      return this.#pieces.lost(decodeDontHave(payload), this.#handler);
    if (id === OUR_EXTENSION.metadata) return this.#giveMetadata(payload);
    if (id === OUR_EXTENSION.run && isMember) return this.#runMessage(payload);
    if (id === OUR_EXTENSION.offer && isMember) {
      const { type, runs } = decodeOfferMessage(payload);
      // A run has a piece at least.
      this.#weigh(indicesIn(runs, this.have.size));
      if (type === 'wish') return this.#handler?.wished(runs);
      return type === 'offer' ? this.#handler?.offered(runs) : this.#handler?.withdrawn(runs);
    }
    // Ids that we did not advertise: clients exist that send them.
  }

  #extensionHandshake(payload: Buffer): void {
    const greeting = this.#greeting!;
    const again = greeting.extensions !== null;
    this.#weigh(4 * payload.length);
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

  #giveMetadata(payload: Buffer): void {
    const answer = this.isReady ? this.#greeting!.metadata?.answer(payload) : null;
    if (answer) this.send!.metadata(answer);
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
    if (message.type === 'have') return this.#pieces.gainedRanges(message.pieces, this.#handler);
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
    this.#pieces.hasNew(have, this.#handler);
  }

  /** BEP 6: its messages mean nothing where it was not agreed on, and end the connection. */
  #checkFast(): void {
    if (!this.#greeting!.fast) throw protocolError('a message of the fast extension without it');
  }

  #count(): void {
    this.#liveness.heardAt = this.#receivedAt;
    this.#budget.message(this.#receivedAt);
  }

  #weigh(items: number): void {
    this.#budget.items(items, this.#receivedAt);
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
