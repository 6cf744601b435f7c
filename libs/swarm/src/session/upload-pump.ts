import type { Clock, Logger } from '#lib/runtime';

import type { SpanBuffer } from '../hashing/buffer-pool.js';
import { doesNotRead } from '../peer/peer-liveness.js';
import type { RateLimiter } from '../policy/rate.limiter.js';
import { CLOGGED_MS } from '../policy/send.window.js';
import type { Torrent } from '../torrent/torrent.js';
import type { Upload } from '../torrent/uploader.js';
import { UnreadLog } from './unread-log.js';

/** Who has taken nothing for so long may be parted from when places are short, milliseconds. */
const PARTED_AFTER_MS = 10_000;
/** Timers of less are not worth their while, milliseconds. */
const LEAST_PAUSE_MS = 2;

export interface UploadPumpOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limiter: RateLimiter;
  /** Transfers at once. */
  readonly slots: number;
  /** What peers that do not read may hold of the memory besides those, bytes. */
  readonly cloggedBytes: number;
  /** A buffer, or null when there is none: `memoryFree` is to be called when there may be one. */
  readonly acquire: (length: number) => SpanBuffer | null;
  readonly whenFree: (length: number, ready: () => void) => void;
}

/** Bytes that were handed to a socket. */
interface Transfer {
  readonly torrent: Torrent;
  readonly upload: Upload;
  readonly owner: { release(): void };
  /** Monotonic milliseconds. */
  readonly sentAt: number;
  /** It was not taken in time. */
  late: boolean;
  /** It takes no slot: its peer reads slowly or not at all. */
  clogged: boolean;
}

/**
 * Sends what torrents have to send: a few transfers at once for the whole session, in turn over the
 * torrents. A transfer is read whole, written to the socket uncopied, and over when the system took it.
 * A peer that does not read keeps what it was sent, within bounds, but no place from the others.
 */
export class UploadPump {
  readonly #options: UploadPumpOptions;
  readonly #unread: UnreadLog;
  /** Torrents that may have something to send, the next in turn first. */
  readonly #turns = new Set<Torrent>();
  /** Torrents that wait for a limit of their own. */
  readonly #limited = new Set<Torrent>();
  /** The oldest first. */
  readonly #transfers = new Set<Transfer>();
  #active = 0;
  #cloggedBytes = 0;
  #waitsForMemory = false;
  #cancelTimer: (() => void) | null = null;
  #timerAt = Infinity;

  constructor(options: UploadPumpOptions) {
    this.#options = options;
    this.#unread = new UnreadLog(options.logger, options.clock);
  }

  get active(): number {
    return this.#active;
  }

  /** The torrent has something to send. */
  wake(torrent: Torrent): void {
    this.#turns.add(torrent);
    this.pump();
  }

  forget(torrent: Torrent): void {
    this.#turns.delete(torrent);
    this.#limited.delete(torrent);
  }

  /** Begins as many transfers as slots and limits allow; also to be called when limits change. */
  pump(): void {
    const { slots, limiter, clock } = this.#options;
    const now = clock.monotonic();
    if (this.#waitsForMemory) {
      this.#relieve(now);
      return;
    }
    for (const torrent of this.#turns) {
      if (this.#active >= slots) {
        this.#relieve(now);
        return;
      }
      const grant = limiter.grant(now);
      if (grant === 0) {
        this.#pumpIn(limiter.waitMs(now), now);
        return;
      }
      const upload = torrent.nextUpload(now, grant);
      this.#turns.delete(torrent);
      if (upload === null) {
        this.#mayWait(torrent, now);
        continue;
      }
      this.#turns.add(torrent);
      limiter.spend(upload.job.length, now);
      if (!this.#begin(torrent, upload)) return;
    }
  }

  /** Looks for peers that read slowly or not at all; to be called a few times a second. */
  tick(now: number): void {
    for (const transfer of this.#transfers) {
      if (now - transfer.sentAt < CLOGGED_MS) break;
      if (!transfer.late) transfer.upload.peer.sending.clogged();
      transfer.late = true;
      this.#freeSlot(transfer);
    }
    this.pump();
  }

  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#turns.clear();
    this.#limited.clear();
  }

  /** Places or memory are short: who has not read for longest, and for too long, is parted from. */
  #relieve(now: number): void {
    let longest: Transfer | null = null;
    let longestMs = PARTED_AFTER_MS;
    for (const transfer of this.#transfers) {
      const stuckMs = transfer.upload.peer.connection.stuckMs(now);
      if (stuckMs <= longestMs) continue;
      longest = transfer;
      longestMs = stuckMs;
    }
    longest?.upload.peer.connection.close(doesNotRead());
  }

  /** Torrents with a limit of their own come again when it lets something through. */
  #mayWait(torrent: Torrent, now: number): void {
    const ms = torrent.swarm.uploader.waitMs(now);
    if (ms === 0) return;
    this.#limited.add(torrent);
    this.#pumpIn(ms, now);
  }

  #pumpIn(ms: number, now: number): void {
    const at = now + Math.max(LEAST_PAUSE_MS, Math.ceil(ms));
    if (this.#cancelTimer && this.#timerAt <= at) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#options.clock.setTimer(at - now, () => {
      this.#cancelTimer = null;
      for (const torrent of this.#limited) this.#turns.add(torrent);
      this.#limited.clear();
      this.pump();
    });
  }

  /** @returns false when there is no memory now */
  #begin(torrent: Torrent, upload: Upload): boolean {
    const { uploader, fresh } = torrent.swarm;
    const { offset, stored } = uploader.placeOf(upload.job);
    const lease = stored === upload.job.length ? fresh.lease(offset, stored) : null;
    this.#active++;
    if (lease) {
      this.#send(torrent, upload, lease.bytes, lease);
      return true;
    }
    const buffer = this.#options.acquire(upload.job.length);
    if (buffer) {
      void this.#readAndSend(torrent, upload, buffer, offset, stored);
      return true;
    }
    // Rejected, so that the peer may ask elsewhere; it is better than to hold everybody up.
    this.#refuse(torrent, upload);
    this.#active--;
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
      this.#unread.tell(error);
      this.#refuse(torrent, upload);
      buffer.release();
      this.#active--;
      this.wake(torrent);
      return;
    }
    this.#send(torrent, upload, bytes, buffer);
    // What was cut off of the same span may follow now.
    if (upload.job.rest) this.wake(torrent);
  }

  #refuse(torrent: Torrent, upload: Upload): void {
    torrent.swarm.uploader.refuse(upload);
    upload.peer.sending.ended(upload.job.length, Infinity);
  }

  #send(torrent: Torrent, upload: Upload, bytes: Uint8Array, owner: { release(): void }): void {
    const { connection } = upload.peer;
    const { kind, index, begin, length, blockLength, rest } = upload.job;
    const sentAt = this.#options.clock.monotonic();
    const transfer: Transfer = { torrent, upload, owner, sentAt, late: false, clogged: false };
    this.#transfers.add(transfer);
    if (connection.isClosed) {
      this.#over(transfer);
      return;
    }
    if (upload.peer.sending.isSlow) this.#freeSlot(transfer);
    torrent.swarm.uploaded(upload, length);
    const over = () => this.#over(transfer);
    for (let at = 0; at < length; at += blockLength) {
      const block = bytes.subarray(at, Math.min(length, at + blockLength));
      const isLast = at + blockLength >= length;
      connection.send!.block(kind, index, begin + at, block, isLast ? over : undefined);
    }
    if (rest) rest.partBegun = false;
  }

  #freeSlot(transfer: Transfer): void {
    const { length } = transfer.upload.job;
    if (transfer.clogged || this.#cloggedBytes + length > this.#options.cloggedBytes) return;
    transfer.clogged = true;
    this.#cloggedBytes += length;
    this.#active--;
  }

  #over(transfer: Transfer): void {
    const { torrent, upload, owner, sentAt, clogged } = transfer;
    this.#transfers.delete(transfer);
    owner.release();
    if (clogged) this.#cloggedBytes -= upload.job.length;
    else this.#active--;
    upload.peer.sending.ended(upload.job.length, this.#options.clock.monotonic() - sentAt);
    this.wake(torrent);
  }
}
