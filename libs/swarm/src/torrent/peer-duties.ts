import type { FleetseedError } from '#lib/contracts';
import type { BlockKind, HashRange, IndexRange } from '#lib/wire';

import { protocolError } from '../peer/peer-errors.js';
import { StrangerSlots } from '../policy/stranger.slots.js';
import type { ByteLedger } from './byte-ledger.js';
import type { DownloadJob } from './download-job.js';
import type { HashDesk } from './hash-desk.js';
import type { Neighbour, NeighbourDuties } from './neighbour.js';
import type { OriginRole } from './origin-role.js';
import type { TorrentContext } from './torrent.types.js';
import type { Uploader } from './uploader.js';

/** The parts of a torrent that have to do with neighbours. */
export interface TorrentParts {
  readonly context: TorrentContext;
  readonly ledger: ByteLedger;
  readonly uploader: Uploader;
  readonly origin: OriginRole | null;
  readonly hashes: HashDesk;
  /** Null while nothing is downloaded. */
  job(): DownloadJob | null;
  /** The neighbour may want nothing any more. */
  changed(neighbour: Neighbour): void;
  left(neighbour: Neighbour, reason: FleetseedError | null): void;
}

/** Brings what a neighbour says to the part of the torrent that it concerns. */
export class PeerDuties implements NeighbourDuties {
  readonly slots = new StrangerSlots<Neighbour>();
  #isLeaving = false;

  constructor(private readonly parts: TorrentParts) {}

  /** Lets strangers take turns; to be called about once a second. */
  turn(now: number): void {
    if (this.#isLeaving) return;
    for (const { peer, unchoke } of this.slots.turn(now)) this.#choke(peer, !unchoke);
  }

  /** Nobody is let in any more. */
  leave(): void {
    this.#isLeaving = true;
  }

  hasNew(neighbour: Neighbour): void {
    this.parts.job()?.downloader.hasNew(neighbour);
    this.parts.origin?.hasNew(neighbour);
    this.parts.changed(neighbour);
  }

  gained(neighbour: Neighbour, piece: number): void {
    this.parts.job()?.downloader.gained(neighbour, piece);
    this.parts.origin?.gained(neighbour, piece);
    if (neighbour.connection.have.all) this.parts.changed(neighbour);
  }

  lost(neighbour: Neighbour, piece: number): void {
    this.parts.job()?.downloader.lost(neighbour, piece);
    this.parts.origin?.lost(neighbour, piece);
  }

  requested(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    this.parts.uploader.requested(n, kind, index, begin, length);
    this.parts.context.uploadsWait();
  }

  cancelled(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    this.parts.uploader.cancelled(n, kind, index, begin, length);
  }

  rejected(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    this.parts.job()?.downloader.rejected(n, kind, index, begin, length);
  }

  offered(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    this.parts.job()?.downloader.offered(neighbour, runs);
  }

  withdrawn(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    // Said by an origin it ends an offer; said to one it declines an offer.
    this.parts.job()?.downloader.withdrawn(neighbour, runs);
    this.parts.origin?.declined(neighbour, runs);
  }

  wished(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    this.parts.origin?.wished(neighbour, runs);
  }

  choking(neighbour: Neighbour): void {
    this.parts.job()?.downloader.choking(neighbour);
  }

  interested(neighbour: Neighbour): void {
    if (neighbour.connection.isMember) return;
    if (neighbour.connection.interested) this.slots.interested(neighbour);
    else if (this.slots.leave(neighbour)) this.#choke(neighbour, true);
    this.turn(this.parts.context.clock.monotonic());
  }

  uploadOnly(neighbour: Neighbour): void {
    this.parts.changed(neighbour);
  }

  hashRequested(neighbour: Neighbour, range: HashRange): void {
    const { connection } = neighbour;
    if (connection.isV2) this.parts.hashes.requested(connection, range);
  }

  blockBegins(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number) {
    const job = this.parts.job();
    if (job) return job.downloader.blockBegins(n, kind, index, begin, length);
    // What was asked for before the end of the download may still come.
    if (n.cancelledBytes < length) throw protocolError('payload that nobody asked for');
    n.cancelledBytes -= length;
    return null;
  }

  blockEnds(n: Neighbour, _kind: BlockKind, _index: number, _begin: number, length: number): void {
    const { context, ledger } = this.parts;
    const now = context.clock.monotonic();
    n.receivedBytes += length;
    n.lastPayloadAt = now;
    n.down.add(length, now);
    ledger.down.add(length, now);
    this.parts.job()?.downloader.blockEnds(n, length);
  }

  received(neighbour: Neighbour, bytes: number): void {
    this.parts.job()?.downloader.received(neighbour, bytes);
  }

  left(neighbour: Neighbour, reason: FleetseedError | null): void {
    this.slots.leave(neighbour);
    this.parts.job()?.downloader.detach(neighbour);
    this.parts.uploader.detach(neighbour);
    this.parts.origin?.detach(neighbour);
    this.parts.left(neighbour, reason);
  }

  #choke(neighbour: Neighbour, choke: boolean): void {
    // Choke first, then the rejects (BEP 6).
    neighbour.connection.send!.choke(choke);
    if (choke) this.parts.uploader.choked(neighbour);
  }
}
