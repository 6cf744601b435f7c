import type { Socket } from 'node:net';

import type { FleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import type { Handshake } from '#lib/wire';

import type { PeerAddress } from '../announce/announcer.js';
import { PeerConnection } from '../peer/peer-connection.js';
import type { PeerTimeouts } from '../peer/peer.types.js';
import { TcpTransport } from '../peer/tcp.transport.js';
import type { Transport } from '../peer/transport.js';
import { ArrivalGate } from '../policy/arrival.gate.js';
import { BanList, type BanSubject } from '../policy/ban.list.js';
import type { Torrent } from '../torrent/torrent.js';
import { ConnectionBook, type ConnectionLimits } from './connection-book.js';
import { PeerListener } from './peer-listener.js';
import type { ReadGovernor } from './read-governor.js';

export interface ConnectorOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ConnectionLimits;
  readonly timeouts: PeerTimeouts;
  /** Milliseconds until a dial is given up. */
  readonly dialTimeoutMs: number;
  readonly governor: ReadGovernor;
  /** The torrent with this info-hash, 20 bytes in hex, if it takes part now. */
  readonly torrentOf: (infoHash: string) => Torrent | null;
  /** There is a connection that is to be looked after. */
  readonly connected: () => void;
}

/** Makes the connections of a session, with who comes and who is dialled, and keeps out who misbehaved. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #book: ConnectionBook;
  readonly #bans = new BanList();
  readonly #arrivals: ArrivalGate;
  readonly #listener: PeerListener;
  #open = true;
  #refused = 0;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#book = new ConnectionBook(options.limits);
    this.#arrivals = new ArrivalGate(options.limits.mostPerHost);
    this.#listener = new PeerListener((socket) => this.#accepted(socket), options.logger);
  }

  /** The port that connections are accepted on; 0 before `listen`, or without. */
  get port(): number {
    return this.#listener.port;
  }

  get connections(): number {
    return this.#book.size;
  }

  /** Connections that are not known yet. */
  get halfOpen(): number {
    return this.#book.halfOpen.size;
  }

  /** Connections that were refused or closed for what the peer did, since the start. */
  get refused(): number {
    return this.#refused;
  }

  get bannedPeers(): number {
    return this.#bans.count(this.#now);
  }

  /** Begins to accept connections. @throws the system's error when the address is not to be had */
  async listen(address: { readonly host: string; readonly port: number }): Promise<void> {
    await this.#listener.listen(address);
  }

  /** @returns false when there is no place for another connection */
  dial(torrent: Torrent, address: PeerAddress): boolean {
    const { host, port } = address;
    if (!this.#open || !this.#book.hasPlace(host)) return false;
    const { dialTimeoutMs: timeoutMs } = this.#options;
    this.#connect(TcpTransport.dial({ host, port, timeoutMs }), { torrent, address });
    return true;
  }

  isBanned(peer: BanSubject): boolean {
    return this.#bans.isBanned(peer, this.#now);
  }

  /** The peer is parted from, and does not come back for a while. */
  ban(peer: BanSubject, reason: FleetseedError): void {
    this.#bans.ban(peer, this.#now);
    this.#options.logger.warn('peer banned', { peer: peer.peer, code: reason.code });
    for (const connection of this.#book) {
      if (this.isBanned(connection.banSubject)) connection.close(reason);
    }
  }

  /** Looks after those that are not known yet; to be called a few times a second. */
  tick(now: number): void {
    for (const connection of this.#book.halfOpen) connection.tick(now);
  }

  /** Nobody comes in or is dialled any more. Resolves when the port is free. */
  async stop(): Promise<void> {
    this.#open = false;
    await this.#listener.close();
  }

  closeAll(): void {
    for (const connection of this.#book) connection.close();
  }

  get #now(): number {
    return this.#options.clock.monotonic();
  }

  #accepted(socket: Socket): void {
    const transport = TcpTransport.accepted(socket);
    if (!this.#open || !this.#mayEnter(transport.host)) {
      this.#refused++;
      transport.close();
      return;
    }
    this.#connect(transport, null);
  }

  #mayEnter(host: string): boolean {
    const now = this.#now;
    if (this.#bans.isHostBanned(host, now) || !this.#arrivals.arrives(host, now)) return false;
    return this.#book.makePlace(host);
  }

  #connect(
    transport: Transport,
    dial: { readonly torrent: Torrent; readonly address: PeerAddress } | null,
  ): void {
    const { clock, timeouts, governor } = this.#options;
    let torrent = dial?.torrent ?? null;
    const hash = dial?.address.hash ?? 'v2';
    const paced = governor.pace(transport);
    const connection: PeerConnection = new PeerConnection(
      paced,
      dial && { identity: dial.torrent.identity, hash },
      {
        clock,
        timeouts,
        lookup: (handshake) => {
          torrent = this.#find(handshake);
          return torrent?.identity ?? null;
        },
        ready: () => {
          this.#book.known(connection);
          paced.limiter = torrent!.downloadLimiter;
          return torrent!.attach(connection);
        },
        closed: (reason) => {
          this.#book.remove(connection);
          if (!connection.isReady && dial)
            dial.torrent.swarm.neighbourhood.dialFailed(dial.address, reason);
          if (reason) this.#judge(connection, reason);
        },
      },
    );
    this.#book.add(connection);
    this.#options.connected();
  }

  #find({ infoHash }: Handshake): Torrent | null {
    return this.#open ? this.#options.torrentOf(infoHash.toString('hex')) : null;
  }

  /** Who breaks the protocol again and again is banned; trouble of the network is no offence. */
  #judge(connection: PeerConnection, reason: FleetseedError): void {
    const { logger } = this.#options;
    const { host } = connection.transport;
    const { code } = reason;
    logger.debug('connection closed', { host, code, reason: reason.message });
    if (code === 'WIRE_INVALID' || code === 'PEER_REFUSED') this.#refused++;
    // Whoever has not said yet which peer it is can be anybody behind the address: it costs a place among
    // the half-open of its host, and no more.
    const isOffence = code === 'WIRE_INVALID' || reason.facts['offence'] === true;
    if (!isOffence || !connection.isReady) return;
    const { banSubject } = connection;
    if (this.#bans.offend(banSubject, this.#now)) {
      logger.warn('peer banned', { peer: banSubject.peer, code });
    }
  }
}
