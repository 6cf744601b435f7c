import { FleetseedError, toFleetseedError } from '#lib/contracts';
import type { InfoHashKind } from '#lib/torrent';
import { HandshakeReader, formatIpPort, type FleetRole, type Handshake } from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import type { BanSubject } from '../policy/ban.list.js';
import type { Distance } from '../policy/picker.peer.js';
import { peerRefused } from './peer-errors.js';
import { PeerGreeting } from './peer-greeting.js';
import { PeerLiveness } from './peer-liveness.js';
import { PeerReceiver } from './peer-receiver.js';
import { PeerSender } from './peer-sender.js';
import type { PeerConnectionOptions, PeerIdentity } from './peer.types.js';
import type { Transport } from './transport.js';

/**
 * One connection: it speaks the protocol and knows what both ends said. What to do about it is the
 * handler's business. No byte about the artifact leaves before the peer is known (see PeerGreeting).
 */
export class PeerConnection {
  readonly transport: Transport;
  readonly initiated: boolean;
  /** Null until the connection is up. */
  send: PeerSender | null = null;
  readonly startedAt: number;
  #greeting: PeerGreeting | null = null;
  #reader: HandshakeReader | null = new HandshakeReader();
  readonly #receiver: PeerReceiver;
  readonly #options: PeerConnectionOptions;
  readonly #liveness: PeerLiveness;
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
    const liveness = new PeerLiveness(transport, options.timeouts, now);
    this.#liveness = liveness;
    this.#receiver = new PeerReceiver({ transport, liveness, ready: options.ready, now });
    this.startedAt = now;
    if (dial) this.#greeting = new PeerGreeting(dial.identity, true);
    transport.start({
      connected: () => {
        if (dial) this.transport.send(this.#greeting!.dial(dial.hash));
      },
      data: (chunk) => this.#data(chunk),
      into: () => this.#receiver.restOfBlock,
      closed: (error) => this.#closed(error),
    });
  }

  /** What the peer has. */
  get have(): Bitfield {
    return this.#receiver.have;
  }

  /** The peer is known, and its handler at work. */
  get isReady(): boolean {
    return this.#receiver.handler !== null;
  }

  /** It proved that it belongs to the fleet. */
  get isMember(): boolean {
    return this.#receiver.isMember;
  }

  /** The peer does not answer our requests; members never choke. */
  get choking(): boolean {
    return this.#receiver.choking;
  }

  /** The peer wants something of us. */
  get interested(): boolean {
    return this.#receiver.interested;
  }

  /** The peer wants nothing (BEP 21). */
  get uploadOnly(): boolean {
    return this.#receiver.uploadOnly;
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
    this.#receiver.stop();
    this.transport.close();
  }

  /** See `PeerReceiver`. */
  discardBlock(): void {
    this.#receiver.discardBlock();
  }

  #data(chunk: Uint8Array): void {
    if (this.#closing) return;
    const now = this.#options.clock.monotonic();
    try {
      if (this.#reader) this.#openWith(chunk, now);
      else this.#receiver.push(chunk, now);
      this.#receiver.handler?.received(chunk.length);
      const reason = this.#liveness.checkQueue(this.send);
      if (reason) this.close(reason);
    } catch (error) {
      this.close(toFleetseedError(error));
    }
  }

  #openWith(chunk: Uint8Array, now: number): void {
    const read = this.#reader!.push(chunk);
    if (read === null) return;
    this.#reader = null;
    this.#liveness.stageAt = now;
    this.#greet(read.handshake);
    if (!this.#closing && read.consumed < chunk.length) {
      this.#receiver.push(chunk.subarray(read.consumed), now);
    }
  }

  #greet(handshake: Handshake): void {
    if (!this.#greeting) {
      const identity = this.#options.lookup(handshake);
      if (!identity) throw peerRefused('the torrent is not known here, or full');
      this.#greeting = new PeerGreeting(identity, false);
    }
    const greeting = this.#greeting;
    const answer = greeting.handshake(handshake);
    this.send = new PeerSender(this.transport, greeting, this.#options.clock);
    this.#receiver.begin(greeting, this.send);
    if (answer) this.transport.send(answer);
    const extensions = greeting.extensionHandshake(this.transport.host);
    if (extensions) this.transport.send(extensions);
    else this.#receiver.known();
  }

  #closed(error: Error | null): void {
    this.#closing = true;
    this.#receiver.stop();
    if (error && !this.#reason) {
      const text = `The connection to the peer failed: ${error.message}`;
      this.#reason = new FleetseedError('ORIGIN_UNREACHABLE', text, {}, { cause: error });
    }
    this.#receiver.handler?.closed(this.#reason);
    this.#options.closed(this.#reason);
  }
}
