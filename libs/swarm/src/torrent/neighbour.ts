import type { FleetseedError } from '#lib/contracts';
import type { BlockKind, HashRange, IndexRange } from '#lib/wire';

import type { PeerConnection } from '../peer/peer-connection.js';
import type { PeerHandler } from '../peer/peer.types.js';
import type { BanSubject } from '../policy/ban.list.js';
import type { CopyMember } from '../policy/copy.member.js';
import { RateMeter } from '../policy/rate.meter.js';
import { SendWindow } from '../policy/send.window.js';
import type { ByteSource } from './byte-ledger.js';
import type { DownloadSource } from './download-source.js';
import type { FastGrant } from './fast-grant.js';
import type { NeighbourStats } from './torrent.types.js';

/** Whoever sends payload: a neighbour or a web seed. */
export interface Sender {
  readonly kind: ByteSource;
  /** For bans; null for a web seed, which is switched off instead. */
  readonly banSubject: BanSubject | null;
}

/** What a torrent does for its neighbours; each has its part of it. */
export interface NeighbourDuties {
  hasNew(neighbour: Neighbour): void;
  gained(neighbour: Neighbour, piece: number): void;
  lost(neighbour: Neighbour, piece: number): void;
  requested(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void;
  cancelled(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void;
  rejected(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void;
  offered(neighbour: Neighbour, runs: readonly IndexRange[]): void;
  withdrawn(neighbour: Neighbour, runs: readonly IndexRange[]): void;
  wished(neighbour: Neighbour, runs: readonly IndexRange[]): void;
  choking(neighbour: Neighbour): void;
  interested(neighbour: Neighbour): void;
  uploadOnly(neighbour: Neighbour): void;
  hashRequested(neighbour: Neighbour, range: HashRange): void;
  blockBegins(
    n: Neighbour,
    kind: BlockKind,
    index: number,
    begin: number,
    length: number,
  ): Uint8Array | null;
  blockEnds(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void;
  received(neighbour: Neighbour, bytes: number): void;
  left(neighbour: Neighbour, reason: FleetseedError | null): void;
}

/** A peer that we are connected to in one torrent: what its parts know of it, in one place. */
export class Neighbour implements PeerHandler, Sender {
  /** Its place in the download; null while we download nothing. */
  source: DownloadSource | null = null;
  /** Its place in the copy budget; null unless we are an origin. */
  member: CopyMember | null = null;
  /** Bytes that we requested and cancelled: they may come all the same. */
  cancelledBytes = 0;
  /** What it may ask for while it is choked; null for nothing. */
  fastGrant: FastGrant | null = null;
  /** Payload bytes. */
  receivedBytes = 0;
  sentBytes = 0;
  /** When payload last went either way, monotonic milliseconds. */
  lastPayloadAt = -Infinity;
  /** How much it may be sent ahead. */
  readonly sending = new SendWindow();
  readonly down: RateMeter;
  readonly up: RateMeter;
  readonly #duties: NeighbourDuties;

  constructor(
    readonly connection: PeerConnection,
    duties: NeighbourDuties,
    /** Monotonic milliseconds. */
    readonly since: number,
  ) {
    this.#duties = duties;
    this.down = new RateMeter(since);
    this.up = new RateMeter(since);
  }

  get kind(): ByteSource {
    if (!this.connection.isMember) return 'stranger';
    if (this.connection.role === 'origin') return 'origin';
    return this.connection.distance === 'far' ? 'far-peer' : 'peer';
  }

  get host(): string {
    return this.connection.transport.host;
  }

  get banSubject(): BanSubject {
    return this.connection.banSubject;
  }

  /** It wants nothing: it has everything, or says so, or is an origin, which says neither. */
  get wantsNothing(): boolean {
    const { uploadOnly, have, role } = this.connection;
    return uploadOnly || have.all || role === 'origin';
  }

  stats(now: number): NeighbourStats {
    const { connection } = this;
    const { host, port } = connection.transport;
    const { target, client } = connection;
    return {
      host,
      port: connection.listenPort ?? port,
      role: connection.role ?? 'stranger',
      ...(target === undefined || !connection.isMember ? {} : { target }),
      distance: connection.distance,
      ...(client === undefined ? {} : { client }),
      received: this.receivedBytes,
      sent: this.sentBytes,
      downRate: this.down.rate(now),
      upRate: this.up.rate(now),
      pieces: connection.have.count,
      snubbed: this.source?.snubbed ?? false,
    };
  }

  hasNew(): void {
    this.#duties.hasNew(this);
  }

  gained(piece: number): void {
    this.#duties.gained(this, piece);
  }

  lost(piece: number): void {
    this.#duties.lost(this, piece);
  }

  requested(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#duties.requested(this, kind, index, begin, length);
  }

  cancelled(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#duties.cancelled(this, kind, index, begin, length);
  }

  rejected(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#duties.rejected(this, kind, index, begin, length);
  }

  offered(runs: readonly IndexRange[]): void {
    this.#duties.offered(this, runs);
  }

  withdrawn(runs: readonly IndexRange[]): void {
    this.#duties.withdrawn(this, runs);
  }

  wished(runs: readonly IndexRange[]): void {
    this.#duties.wished(this, runs);
  }

  choking(): void {
    this.#duties.choking(this);
  }

  interested(): void {
    this.#duties.interested(this);
  }

  uploadOnly(): void {
    this.#duties.uploadOnly(this);
  }

  hashRequested(range: HashRange): void {
    this.#duties.hashRequested(this, range);
  }

  blockBegins(kind: BlockKind, index: number, begin: number, length: number): Uint8Array | null {
    return this.#duties.blockBegins(this, kind, index, begin, length);
  }

  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void {
    this.#duties.blockEnds(this, kind, index, begin, length);
  }

  received(bytes: number): void {
    this.#duties.received(this, bytes);
  }

  closed(reason: FleetseedError | null): void {
    this.#duties.left(this, reason);
  }
}
