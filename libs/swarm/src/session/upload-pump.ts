import { FleetseedError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import type { SpanBuffer } from '../hashing/buffer-pool.js';
import { doesNotRead } from '../peer/peer-liveness.js';
import type { RateLimiter } from '../policy/rate.limiter.js';
import type { Torrent } from '../torrent/torrent.js';
import type { Upload } from '../torrent/uploader.js';
import { StuckTransfers } from './stuck-transfers.js';

export interface UploadPumpOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limiter: RateLimiter;
  /** Transfers at once. */
  readonly slots: number;
  /** A buffer, or null when there is none: `memoryFree` is to be called when there may be one. */
  readonly acquire: (length: number) => SpanBuffer | null;
  readonly whenFree: (length: number, ready: () => void) => void;
}

/**
 * Sends what torrents have to send: a few transfers at once for the whole session, in turn over the
 * torrents. A transfer is read whole, written to the socket uncopied, and over when the system took it.
 */
export class UploadPump {
  readonly #options: UploadPumpOptions;
  /** Torrents that may have something to send, the next in turn first. */
  readonly #turns = new Set<Torrent>();
  readonly #transfers = new StuckTransfers();
  #waitsForMemory = false;

  constructor(options: UploadPumpOptions) {
    this.#options = options;
  }

  get active(): number {
    return this.#transfers.count;
  }

  /** The torrent has something to send. */
  wake(torrent: Torrent): void {
    this.#turns.add(torrent);
    this.pump();
  }

  forget(torrent: Torrent): void {
    this.#turns.delete(torrent);
  }

  /** Begins as many transfers as slots and limits allow; also to be called as limits recover. */
  pump(): void {
    const { slots, limiter, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#waitsForMemory) {
      this.#relieve(now);
      return;
    }
    for (const torrent of this.#turns) {
      if (limiter.available(now) === 0) return;
      if (!this.#transfers.hasPlace(slots, now)) {
        this.#relieve(now);
        return;
      }
      const upload = torrent.nextUpload(now);
      this.#turns.delete(torrent);
      // Torrents with a limit of their own come again with the next tick.
      if (upload === null) continue;
      this.#turns.add(torrent);
      limiter.spend(upload.job.length, now);
      if (!this.#begin(torrent, upload)) return;
    }
  }

  /** Places and memory are short: who has not read for longest is parted from. */
  #relieve(now: number): void {
    this.#transfers.longestStuck(now)?.close(doesNotRead());
  }

  /** @returns false when there is no memory now */
  #begin(torrent: Torrent, upload: Upload): boolean {
    const { uploader, fresh } = torrent.swarm;
    const { offset, stored } = uploader.placeOf(upload.job);
    const lease = stored === upload.job.length ? fresh.lease(offset, stored) : null;
    const { connection } = upload.peer;
    if (lease) {
      this.#transfers.begin(connection);
      this.#send(torrent, upload, lease.bytes, lease);
      return true;
    }
    const buffer = this.#options.acquire(upload.job.length);
    if (buffer) {
      this.#transfers.begin(connection);
      void this.#readAndSend(torrent, upload, buffer, offset, stored);
      return true;
    }
    // Rejected, so that the peer may ask elsewhere; it is better than to hold everybody up.
    uploader.reject(upload.peer, upload.job);
    this.#waitsForMemory = true;
    this.#options.whenFree(upload.job.length, () => {
      this.#waitsForMemory = false;
      this.pump();
    });
    return false;
  }

  async #readAndSend(
    torrent: Torrent,
    upload: Upload,
    buffer: SpanBuffer,
    offset: number,
    stored: number,
  ): Promise<void> {
    const { bytes } = buffer;
    try {
      if (stored > 0) await torrent.options.store.read(offset, bytes.subarray(0, stored));
      bytes.fill(0, stored);
    } catch (error) {
      this.#unreadable(torrent, upload, error);
      this.#over(upload, buffer);
      return;
    }
    this.#send(torrent, upload, bytes, buffer);
  }

  #unreadable(torrent: Torrent, { peer, job }: Upload, error: unknown): void {
    const touched = error instanceof FleetseedError && error.code === 'PIECE_UNAVAILABLE';
    const { logger } = this.#options;
    if (touched) logger.info('piece not served, it is not there any more', { error });
    else logger.warn('piece not served, the disk failed', { error });
    torrent.swarm.uploader.reject(peer, job);
  }

  #send(torrent: Torrent, upload: Upload, bytes: Uint8Array, owner: { release(): void }): void {
    const { connection } = upload.peer;
    const { kind, index, begin, length, blockLength } = upload.job;
    if (connection.isClosed) {
      this.#over(upload, owner);
      return;
    }
    torrent.swarm.uploaded(upload, length);
    const over = () => this.#over(upload, owner);
    for (let at = 0; at < length; at += blockLength) {
      const block = bytes.subarray(at, Math.min(length, at + blockLength));
      const isLast = at + blockLength >= length;
      connection.send!.block(kind, index, begin + at, block, isLast ? over : undefined);
    }
  }

  #over({ peer }: Upload, owner: { release(): void }): void {
    owner.release();
    this.#transfers.end(peer.connection);
    this.pump();
  }
}
