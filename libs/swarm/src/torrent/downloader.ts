import type { BlockKind, IndexRange } from '#lib/wire';

import type { Bitfield } from '../bitfield.js';
import type { SpanBuffer } from '../hashing/buffer-pool.js';
import { ofNoUse, protocolError } from '../peer/peer-errors.js';
import { isOverdue } from '../policy/request.deadline.js';
import { RequestPlanner } from '../policy/request.planner.js';
import { RunHoldings } from '../policy/run.holdings.js';
import type { SpanPicker } from '../policy/span.picker.js';
import type { SpanTable } from '../policy/span.table.js';
import type { ByteLedger } from './byte-ledger.js';
import { DownloadPeer, DownloadSource } from './download-source.js';
import { merged } from './have-broadcast.js';
import type { Neighbour, Sender } from './neighbour.js';
import { RequestDesk } from './request-desk.js';
import type { SpanRequest } from './span-request.js';
import type { TorrentContext, TorrentTimeouts } from './torrent.types.js';
import type { Wishes } from './wishes.js';

/**
 * Receiving takes no more of the memory than this: sending goes on, and what goes round stays in the cache of the
 * processor. More in flight is of no use to links as short as those of a datacenter.
 */
const MEMORY_SHARE = 0.25;
/** A span that came whole, in memory that is now the receiver's. */
export interface SpanArrival {
  readonly span: number;
  readonly buffer: SpanBuffer;
  readonly sender: Sender;
}

export interface DownloaderOptions {
  readonly picker: SpanPicker;
  /** Pieces that are downloaded. */
  readonly missing: Bitfield;
  readonly context: TorrentContext;
  readonly ledger: ByteLedger;
  readonly timeouts: TorrentTimeouts;
  readonly wishes: Wishes;
  readonly arrived: (arrival: SpanArrival) => void;
  /** Spans that arrived and are not judged. */
  readonly verifying: () => number;
}

/**
 * Gets the spans of a table from neighbours: asks as the planner says, takes in what comes, and
 * notices who does not deliver. What came is handed on unverified; the verdict comes back by
 * `picker.verified` and `picker.failed`.
 */
export class Downloader {
  readonly picker: SpanPicker;
  readonly table: SpanTable;
  readonly #planner: RequestPlanner<DownloadSource>;
  readonly #desk: RequestDesk;
  readonly #options: DownloaderOptions;
  /** Nothing is requested while it is held: the disk is full. */
  #held = false;
  #closed = false;
  #fillWanted = false;
  /** When payload last came from a neighbour, monotonic milliseconds. */
  lastBytesAt: number;

  constructor(options: DownloaderOptions) {
    this.#options = options;
    this.table = options.picker.table;
    const { random, clock } = options.context;
    const { layout } = this.table;
    this.picker = options.picker;
    const usualSpan = layout.length / Math.max(1, layout.runCount);
    this.#planner = new RequestPlanner(this.picker, Math.min(usualSpan, 1024 * 1024), random);
    this.#desk = new RequestDesk(this.table, () => clock.monotonic());
    this.lastBytesAt = clock.monotonic();
  }

  get inFlight(): number {
    return this.#planner.inFlight;
  }

  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.fill();
  }

  attach(neighbour: Neighbour): void {
    const { layout } = this.table;
    const holdings = new RunHoldings(layout, neighbour.connection.have, this.#options.missing);
    const source = new DownloadSource(neighbour, holdings, this.#now());
    neighbour.source = source;
    this.#planner.add(source);
    this.#options.wishes.tell(neighbour);
    this.#showInterest(source);
    this.#fillWanted = true;
  }

  /** The neighbour left, or this download ends: what was asked of it is open again. */
  detach(neighbour: Neighbour): void {
    const { source } = neighbour;
    if (source === null) return;
    neighbour.source = null;
    for (const request of source.requests.values()) {
      this.#options.ledger.wasted('aborted', request.received);
      request.buffer.release();
    }
    source.requests.clear();
    source.receiving = null;
    this.#planner.remove(source);
    this.#fillWanted = true;
  }

  hasNew(neighbour: Neighbour): void {
    // What was asked on the strength of HAVEs before the bitfield is dropped; that is next to nothing.
    const offers = neighbour.source?.pick.offers ?? [];
    this.#cancelAll(neighbour);
    this.detach(neighbour);
    this.attach(neighbour);
    for (const run of offers) this.picker.offer(neighbour.source!.pick, run);
  }

  gained(neighbour: Neighbour, piece: number): void {
    const { source } = neighbour;
    if (source === null) return;
    this.picker.peerGained(source.pick, piece);
    this.#showInterest(source);
    this.#fillWanted = true;
  }

  lost(neighbour: Neighbour, piece: number): void {
    if (neighbour.source) this.picker.peerLost(neighbour.source.pick, piece);
  }

  /** An origin offers runs; those that are of no use are declined, so that others get them. */
  offered(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    const { source } = neighbour;
    if (source === null) return;
    const declined: IndexRange[] = [];
    for (const run of this.#each(runs)) {
      if (this.table.endSpanOf(run) > this.table.firstSpanOf(run)) {
        this.picker.offer(source.pick, run);
      } else {
        declined.push({ first: run, count: 1 });
      }
    }
    if (declined.length > 0) neighbour.connection.send!.offer('withdraw', merged(declined));
    this.#fillWanted = true;
  }

  withdrawn(neighbour: Neighbour, runs: readonly IndexRange[]): void {
    const { source } = neighbour;
    if (source === null) return;
    for (const run of this.#each(runs)) this.picker.withdrawOffer(source.pick, run);
  }

  choking(neighbour: Neighbour): void {
    const { source } = neighbour;
    if (source === null) return;
    source.choking = neighbour.connection.choking;
    // With BEP 6 each request is still answered; without, a choke means that they are forgotten.
    if (source.choking && !neighbour.connection.send!.fast) this.#dropRequests(source);
    this.#fillWanted = true;
  }

  rejected(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number): void {
    const { source } = n;
    const place = source && this.#desk.placeOf(kind, index, begin);
    const request = place && source.requests.get(place.span);
    // A member rejects a span, or what it has not sent of it.
    if (source && request && (kind === 'piece' || place.at + length === request.length)) {
      // The other blocks of a stranger's span are given up with the one that it rejects.
      this.#cancel(source, request, kind === 'piece');
      if (kind === 'piece') n.cancelledBytes -= length;
      this.picker.refused(place.span, source.pick);
      this.#countRejection(source);
    } else {
      n.cancelledBytes = Math.max(0, n.cancelledBytes - length);
    }
    this.#fillWanted = true;
  }

  blockBegins(n: Neighbour, kind: BlockKind, index: number, begin: number, length: number) {
    const { source } = n;
    if (source === null) return null;
    const place = this.#desk.placeOf(kind, index, begin);
    const request = place && source.requests.get(place.span);
    const target = request?.targetOf(place!.at, length) ?? null;
    if (target !== null) {
      source.receiving = request!;
      source.receivingAt = place!.at;
      return target;
    }
    this.#options.ledger.wasted('duplicate', length);
    if (n.cancelledBytes < length) throw protocolError('payload that nobody asked for');
    n.cancelledBytes -= length;
    return null;
  }

  blockEnds(n: Neighbour, length: number): void {
    const { source } = n;
    const request = source?.receiving;
    if (!source || !request) return;
    source.receiving = null;
    const now = this.#now();
    request.arrived(source.receivingAt, length);
    source.depth.delivered(length, now);
    source.delivered();
    this.#progressed(source, now);
    if (request.isComplete) this.#complete(source, request);
    else this.#desk.pumpBlocks(source);
    if (!source.full) this.#fillWanted = true;
  }

  /** A chunk was taken in; now is the time for what it made possible. */
  received(neighbour: Neighbour, bytes: number): void {
    const { source } = neighbour;
    if (source?.receiving) {
      source.came(bytes);
      this.#progressed(source, this.#now());
    }
    if (this.#fillWanted) this.fill();
  }

  /** Deadlines; to be called a few times a second. */
  tick(now: number): void {
    const { hungMs } = this.#options.timeouts;
    for (const source of this.#planner.sources) {
      if (source.restsUntil > 0 && now >= source.restsUntil) {
        source.restsUntil = 0;
        this.#desk.updateFull(source);
      }
      this.#showInterest(source);
      // A limit of ours keeps it from delivering: that time does not count.
      if (this.#options.context.isHeld(source.neighbour.connection)) source.excuse(now);
      this.#callIn(source, now);
      if (source.isHung(now, hungMs)) {
        source.neighbour.connection.close(protocolError('it does not deliver'));
      }
    }
    this.#planner.tick();
    this.fill();
  }

  /** What is overdue may be asked of others, and who owes it is asked for nothing more. */
  #callIn(source: DownloadSource, now: number): void {
    if (source.requests.size === 0) return;
    const { oldestAt, lastBytesAt, outstandingBytes } = source;
    const rate = this.#planner.rateOf(source);
    const debt = { oldestAt, lastBytesAt, outstandingBytes, rate };
    if (!isOverdue(debt, now, this.#options.timeouts.patienceMs)) return;
    source.overdue(now);
    source.snubbed = true;
    for (const span of source.requests.keys()) {
      // Two that are both late would keep the span from a third that has it.
      const rival = this.picker.rivalOf(span, source.pick);
      if (rival instanceof DownloadPeer && rival.source?.snubbed) this.#giveUp(span, rival.source);
      this.picker.late(span);
    }
  }

  #countRejection(source: DownloadSource): void {
    const { connection } = source.neighbour;
    const isIdle = source.rejected(this.#now(), this.#options.timeouts.hungMs);
    // A choke rejects everything, and an origin takes offers back: neither is a lie.
    if (!isIdle || connection.choking || connection.role === 'origin') return;
    connection.close(ofNoUse('it rejects what it says it has'));
  }

  #giveUp(span: number, source: DownloadSource): void {
    const request = source.requests.get(span);
    if (request) this.#cancel(source, request, true);
  }

  /** Sends the requests that the planner wants sent. */
  fill(): void {
    this.#fillWanted = false;
    if (this.#held || this.#closed) return;
    const { context, ledger, verifying } = this.#options;
    const { buffers } = context;
    const now = this.#now();
    const rate = ledger.down.rate(now);
    const limit = context.downloadAllowance();
    // However full the memory is with what is others', one span at a time goes on.
    while (buffers.used < buffers.budget * MEMORY_SHARE || this.inFlight + verifying() === 0) {
      const planned = this.#planner.next(rate, now, limit);
      if (planned === null) return;
      const { source, span } = planned;
      const buffer = context.acquire(this.table.length[span]!);
      if (buffer === null) {
        this.picker.release(span, source.pick);
        this.#planner.ended(source);
        return;
      }
      this.#desk.request(source, span, buffer);
    }
  }

  /** Takes a span that a web seed is to bring. @returns -1 when there is none */
  take(peer: DownloadPeer, now: number): number {
    return this.picker.request(peer, now);
  }

  /** The web seed brought a span. */
  brought(span: number, peer: DownloadPeer, arrival: SpanArrival): void {
    if (this.#closed || !this.picker.isWanted(span)) {
      this.#options.ledger.wasted('duplicate', arrival.buffer.length);
      arrival.buffer.release();
      return;
    }
    this.#received(span, peer, arrival);
  }

  close(): void {
    this.#closed = true;
    for (const source of this.#planner.sources.slice()) {
      this.#cancelAll(source.neighbour);
      this.detach(source.neighbour);
    }
  }

  *#each(runs: readonly IndexRange[]): Generator<number> {
    const { runCount } = this.table.layout;
    for (const { first, count } of runs) {
      if (first + count > runCount) throw protocolError('a run that does not exist', { first });
      for (let run = first; run < first + count; run++) yield run;
    }
  }

  #now(): number {
    return this.#options.context.clock.monotonic();
  }

  #progressed(source: DownloadSource, now: number): void {
    this.lastBytesAt = now;
    source.lastBytesAt = now;
    if (!source.snubbed) return;
    source.snubbed = false;
    this.#fillWanted = true;
  }

  #complete(source: DownloadSource, request: SpanRequest): void {
    source.requests.delete(request.span);
    this.#planner.ended(source);
    this.#planner.took(source, request.askedAt, this.#now());
    this.#desk.updateFull(source);
    this.#fillWanted = true;
    const { span, buffer } = request;
    if (this.picker.isWanted(span)) {
      this.#received(span, source.pick, { span, buffer, sender: source.neighbour });
    } else {
      this.#options.ledger.wasted('duplicate', request.length);
      buffer.release();
    }
  }

  #received(span: number, peer: DownloadSource['pick'], arrival: SpanArrival): void {
    const rival = this.picker.received(span, peer);
    if (rival instanceof DownloadPeer && rival.source) this.#giveUp(span, rival.source);
    this.#options.arrived(arrival);
  }

  #cancel(source: DownloadSource, request: SpanRequest, tell: boolean): void {
    this.#planner.ended(source);
    this.picker.release(request.span, source.pick);
    this.#options.ledger.wasted('duplicate', this.#desk.cancel(source, request, tell));
  }

  #cancelAll(neighbour: Neighbour): void {
    const { source } = neighbour;
    if (source === null) return;
    for (const request of source.requests.values()) this.#cancel(source, request, true);
  }

  #dropRequests(source: DownloadSource): void {
    for (const request of source.requests.values()) this.#cancel(source, request, false);
  }

  #showInterest(source: DownloadSource): void {
    const { connection } = source.neighbour;
    if (connection.isMember) return;
    connection.send!.interest(source.pick.interesting > 0 || source.requests.size > 0);
  }
}
