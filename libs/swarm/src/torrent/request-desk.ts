import type { BlockKind } from '#lib/wire';

import type { SpanBuffer } from '../hashing/buffer-pool.js';
import type { SpanTable } from '../policy/span.table.js';
import type { DownloadSource } from './download-source.js';
import { SpanRequest } from './span-request.js';

/** Where a block lies: in which span, and where in it, bytes. */
export interface BlockPlace {
  readonly span: number;
  readonly at: number;
}

/**
 * What is requested of neighbours, on the wire: of a member a span in one message; of a stranger
 * blocks, as many ahead as it can do with, and another span when all blocks of the last are requested.
 */
export class RequestDesk {
  constructor(
    private readonly table: SpanTable,
    private readonly clock: () => number,
  ) {}

  /** Requests a span, whose bytes are to come into the buffer. */
  request(source: DownloadSource, span: number, buffer: SpanBuffer): void {
    const { connection } = source.neighbour;
    const request = new SpanRequest(span, buffer, this.clock(), this.table, !connection.isMember);
    source.requests.set(span, request);
    if (connection.isMember) this.#tellOfSpan('request', source, request);
    else this.pumpBlocks(source);
  }

  /** Keeps as many blocks requested from a stranger as it can do with. */
  pumpBlocks(source: DownloadSource): void {
    const { connection } = source.neighbour;
    if (connection.isMember) return;
    let room = source.depth.blocks(this.clock());
    for (const request of source.requests.values()) room -= request.outstandingBlocks;
    for (const request of source.requests.values()) {
      for (; room > 0; room--) {
        const block = request.nextBlock();
        if (block === null) break;
        connection.send!.request('piece', block.piece, block.begin, block.length);
      }
    }
    this.updateFull(source);
  }

  updateFull(source: DownloadSource): void {
    let unsent = false;
    for (const request of source.requests.values()) unsent ||= request.hasUnsentBlocks;
    source.full = unsent || source.restsUntil > 0;
  }

  /**
   * Takes a request back and its memory with it.
   * @param tell whether the peer has to hear of it; what it sends all the same is then expected
   * @returns the bytes that came for nothing
   */
  cancel(source: DownloadSource, request: SpanRequest, tell: boolean): number {
    const { neighbour } = source;
    const { connection } = neighbour;
    source.requests.delete(request.span);
    if (source.receiving === request) {
      source.receiving = null;
      connection.discardBlock();
    }
    if (tell && connection.isMember) {
      this.#tellOfSpan('cancel', source, request);
      neighbour.cancelledBytes += request.length - request.received;
    } else if (tell) {
      for (const { piece, begin, length } of request.outstanding()) {
        connection.send!.cancel('piece', piece, begin, length);
        neighbour.cancelledBytes += length;
      }
    }
    request.buffer.release();
    this.updateFull(source);
    return request.received;
  }

  /** Null when the block is no part of any span. */
  placeOf(kind: BlockKind, index: number, begin: number): BlockPlace | null {
    const { runs, runCount, pieceCount } = this.table.layout;
    if (index >= (kind === 'span' ? runCount : pieceCount)) return null;
    const run = kind === 'span' ? index : runs.runOfPiece(index);
    const offset = kind === 'span' ? begin : runs.offsetOfPiece(index) + begin;
    const span = this.table.spanAt(run, offset);
    return span < 0 ? null : { span, at: offset - this.table.offsetInRun[span]! };
  }

  #tellOfSpan(what: 'request' | 'cancel', source: DownloadSource, request: SpanRequest): void {
    const { runOf, offsetInRun } = this.table;
    const { send } = source.neighbour.connection;
    send![what]('span', runOf[request.span]!, offsetInRun[request.span]!, request.length);
  }
}
