import type { PieceMap } from '#lib/torrent';
import type { BlockKind } from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import { protocolError } from '../peer/peer-errors.js';
import { SPAN_LENGTH_LIMIT, type PayloadLayout } from '../policy/payload.layout.js';
import { RateLimiter } from '../policy/rate.limiter.js';
import {
  UPLOAD_QUEUE_LIMIT,
  UploadScheduler,
  type UploadTurn,
} from '../policy/upload.scheduler.js';
import type { Neighbour } from './neighbour.js';
import type { UploadReason } from './torrent.types.js';

/** Larger blocks are refused; every client asks for 16 KiB, a few for more. */
const LARGEST_BLOCK = 128 * 1024;
/** Blocks that follow each other are read and sent together up to this, bytes. */
const LARGEST_JOB = 256 * 1024;
/** And up to so many: blocks may be of one byte, and each of them is a message. */
const MOST_BLOCKS_IN_JOB = 16;
/** Of a job that is sent in parts one peer gets parts for so long, before it is the others' turn, ms. */
const TURN_MS = 250;

/** Payload that one neighbour is to be sent: bytes of a run, or one or more blocks of a piece. */
export interface UploadJob {
  readonly kind: BlockKind;
  /** Run or piece. */
  readonly index: number;
  begin: number;
  length: number;
  /** Each block but the last has this length; a span, or a part of one, is one block. */
  blockLength: number;
  readonly reason: UploadReason;
  /** Of a part: what it was cut from, as long as that waits. Parts of a span are sent in order. */
  readonly rest?: UploadJob;
  /** A part of it is being read. */
  partBegun?: boolean;
}

export type Upload = UploadTurn<Neighbour, UploadJob>;

export interface UploaderOptions {
  readonly layout: PayloadLayout;
  readonly pieces: PieceMap;
  /** Pieces that may be served. */
  readonly have: Bitfield;
  readonly limit: number | null;
  readonly now: number;
  /** Why the neighbour may have bytes of a run; null when it may not. */
  readonly reasonFor: (neighbour: Neighbour, run: number) => UploadReason | null;
  /** How much a neighbour has, so that who has least is served first; null: in turn. */
  readonly hasOf: ((neighbour: Neighbour) => number) | null;
  /** A job was accepted. */
  readonly accepted: (neighbour: Neighbour, run: number) => void;
}

/** Accepts or rejects what neighbours request of one torrent, and keeps it until its turn comes. */
export class Uploader {
  readonly limiter: RateLimiter;
  readonly #options: UploaderOptions;
  /** Slots are the session's: they are shared by all torrents. */
  readonly #scheduler: UploadScheduler<Neighbour, UploadJob>;
  /** Whose parts are being sent, and since when. */
  #turn: { readonly peer: Neighbour; readonly since: number } | null = null;

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#scheduler = new UploadScheduler(Infinity, UPLOAD_QUEUE_LIMIT, options.hasOf);
    this.limiter = new RateLimiter(options.limit, options.now);
  }

  /** @throws FleetseedError WIRE_INVALID when there are no such bytes at all */
  requested(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    const first = this.#firstPiece(kind, index, begin, length);
    const run = kind === 'span' ? index : this.#options.layout.runs.runOfPiece(index);
    const reason = first === null ? null : this.#options.reasonFor(n, run);
    const { send } = n.connection;
    if (
      reason === null ||
      (send!.isChoking && !mayAskChoked(n, kind, index, length)) ||
      !this.#accept(n, kind, index, begin, length, reason)
    ) {
      send!.reject(kind, index, begin, length);
      return;
    }
    this.#options.accepted(n, run);
  }

  /** Every request has one answer: what was cancelled in time is rejected, the rest is sent. */
  cancelled(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    const end = begin + length;
    const isIt = (job: UploadJob) =>
      job.kind === kind &&
      job.index === index &&
      (kind === 'span'
        ? begin <= job.begin && job.begin + job.length <= end
        : job.begin <= begin && end <= job.begin + job.length);
    const job = this.#scheduler.cancel(n, isIt);
    if (!job) return;
    if (kind === 'span') {
      // Parts of it may have been sent: what is rejected is the rest.
      this.reject(n, job);
      return;
    }
    n.connection.send!.reject(kind, index, begin, length);
    this.#putBack(n, { ...job, length: begin - job.begin });
    this.#putBack(n, { ...job, begin: end, length: job.begin + job.length - end });
  }

  /** The neighbour is choked: what waits is rejected. */
  choked(neighbour: Neighbour): void {
    for (const job of this.#scheduler.drop(neighbour)) this.reject(neighbour, job);
  }

  /** Whether something waits for the neighbour, or is on its way to it. */
  isServing(neighbour: Neighbour): boolean {
    return this.#scheduler.waiting(neighbour) > 0 || neighbour.sending.outstanding > 0;
  }

  detach(neighbour: Neighbour): void {
    this.#scheduler.drop(neighbour);
  }

  /** Tells the neighbour that a job will not be served. */
  reject(neighbour: Neighbour, job: UploadJob): void {
    for (let at = 0; at < job.length; at += job.blockLength) {
      const length = Math.min(job.blockLength, job.length - at);
      neighbour.connection.send!.reject(job.kind, job.index, job.begin + at, length);
    }
  }

  /** Rejects a job that was taken by `next`, and what waits of the same span: it cannot come without. */
  refuse({ peer, job }: Upload): void {
    const rest = job.kind === 'span' ? job.rest : undefined;
    const waits = rest && this.#scheduler.cancel(peer, (other) => other === rest);
    const length = waits ? waits.begin + waits.length - job.begin : job.length;
    this.reject(peer, waits ? { ...job, length, blockLength: length } : job);
  }

  /**
   * What is to be sent next; null when nothing waits that may be sent now. A job that is larger than
   * what a limit or its peer allows is cut: the rest waits.
   * @param grant bytes that may be sent now; Infinity without a limit of the session's
   */
  next(now: number, grant: number): Upload | null {
    const most = Math.min(grant, this.limiter.grant(now));
    if (most === 0) return null;
    const upload = this.#scheduler.next({
      cut: (peer, job) => {
        // Who does not read what it has got gets no more.
        const stuck = peer.connection.stuckMs(now) > 0;
        return stuck ? null : cut(job, Math.min(most, peer.sending.room(job.length)));
      },
      goesOn: (peer) => this.#goesOn(peer, now),
    });
    if (!upload) return null;
    // Paid for at once: others must not begin while the bytes are being read.
    this.limiter.spend(upload.job.length, now);
    upload.peer.sending.began(upload.job.length);
    return upload;
  }

  /** Milliseconds until the torrent's limit lets something through; 0 when it does. */
  waitMs(now: number): number {
    return this.#scheduler.isIdle ? 0 : this.limiter.waitMs(now);
  }

  /** Where the bytes of a job lie in the payload, and how many are there; the rest is pads. */
  placeOf({ kind, index, begin, length }: UploadJob): { offset: number; stored: number } {
    const { layout, pieces } = this.#options;
    if (kind === 'span') return { offset: layout.offsetOfRun(index) + begin, stored: length };
    const stored = Math.max(0, Math.min(length, pieces.lengthOf(index) - begin));
    return { offset: layout.offsetOfPiece(index) + begin, stored };
  }

  /** @returns the first piece; null when we have not got all of the pieces. */
  #firstPiece(kind: BlockKind, index: number, begin: number, length: number): number | null {
    const { layout, pieces, have } = this.#options;
    if (kind === 'span') {
      const exists = index < layout.runCount && begin + length <= layout.runs.lengthOf(index);
      if (!exists || length === 0 || length > SPAN_LENGTH_LIMIT) {
        throw protocolError('it requested bytes of a run that are not there', { run: index });
      }
      const first = layout.runs.pieceAt(index, begin);
      const last = layout.runs.pieceAt(index, begin + length - 1);
      return have.hasRange(first, last - first + 1) ? first : null;
    }
    if (index >= layout.pieceCount) throw protocolError('it requested a piece that does not exist');
    if (length === 0 || begin + length > pieces.paddedLengthOf(index)) {
      throw protocolError('it requested bytes beyond the piece', { piece: index });
    }
    return length <= LARGEST_BLOCK && have.get(index) ? index : null;
  }

  #accept(
    n: Neighbour,
    kind: BlockKind,
    index: number,
    begin: number,
    length: number,
    reason: UploadReason,
  ): boolean {
    const last = kind === 'piece' ? this.#scheduler.lastOf(n) : null;
    if (last && follows(last, index, begin, length)) {
      last.length += length;
      return true;
    }
    const job = { kind, index, begin, length, blockLength: length, reason };
    return this.#scheduler.accept(n, job);
  }

  #goesOn(peer: Neighbour, now: number): boolean {
    if (this.#turn?.peer === peer && now - this.#turn.since > TURN_MS) {
      this.#turn = null;
      return false;
    }
    if (this.#turn?.peer !== peer) this.#turn = { peer, since: now };
    return true;
  }

  #putBack(neighbour: Neighbour, job: UploadJob): void {
    if (job.length > 0 && !this.#scheduler.accept(neighbour, job)) this.reject(neighbour, job);
  }
}

/** The job, or its first `most` bytes cut off; null when nothing of it is to be sent now. */
function cut(job: UploadJob, most: number): UploadJob | null {
  if (most === 0 || job.partBegun) return null;
  if (job.length <= most) return job;
  const { kind, blockLength } = job;
  // Blocks are not divided: a limit is overdrawn by one.
  const length = kind === 'span' ? most : Math.max(blockLength, most - (most % blockLength));
  if (length >= job.length) return job;
  const part = { ...job, length };
  job.begin += length;
  job.length -= length;
  if (kind === 'piece') return part;
  job.blockLength = job.length;
  job.partBegun = true;
  return { ...part, blockLength: length, rest: job };
}

/** BEP 6: a few pieces are for strangers that wait for their turn. */
function mayAskChoked({ fastGrant }: Neighbour, kind: BlockKind, piece: number, length: number) {
  return kind === 'piece' && (fastGrant?.spend(piece, length) ?? false);
}

/** Whether a block can be sent together with the job that was accepted before it. */
function follows(job: UploadJob, piece: number, begin: number, length: number): boolean {
  return (
    job.kind === 'piece' &&
    job.index === piece &&
    job.begin + job.length === begin &&
    // Only the last block of a job may be shorter.
    job.length % job.blockLength === 0 &&
    length <= job.blockLength &&
    job.length < MOST_BLOCKS_IN_JOB * job.blockLength &&
    job.length + length <= LARGEST_JOB
  );
}
