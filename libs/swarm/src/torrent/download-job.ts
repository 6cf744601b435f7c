import type { FleetseedError } from '#lib/contracts';
import type { PieceMap } from '#lib/torrent';

import type { Bitfield } from '../bitfield.js';
import type { PayloadStore } from '../disk/payload-store.js';
import type { BanSubject } from '../policy/ban.list.js';
import type { PayloadLayout } from '../policy/payload.layout.js';
import { seedOfPeer } from '../policy/rendezvous.score.js';
import type { RunWindow } from '../policy/run.window.js';
import { SpanPicker } from '../policy/span.picker.js';
import { SpanTable } from '../policy/span.table.js';
import type { ByteLedger } from './byte-ledger.js';
import { Downloader, type SpanArrival } from './downloader.js';
import type { FreshSpans } from './fresh-spans.js';
import type { Sender } from './neighbour.js';
import { SpanVerifier, type VerifiedSpan } from './span-verifier.js';
import type { TorrentContext, TorrentTimeouts, WebSeed } from './torrent.types.js';
import { WebSeedFloor } from './web-seed-floor.js';
import { Wishes } from './wishes.js';

/** So often a span may fail to be written in a row, for other reasons than space, before we give up. */
const MOST_DISK_FAILURES = 5;

export interface DownloadJobOptions {
  readonly layout: PayloadLayout;
  readonly pieces: PieceMap;
  readonly store: PayloadStore;
  /** Pieces to get; none of them is there. */
  readonly missing: Bitfield;
  readonly context: TorrentContext;
  readonly ledger: ByteLedger;
  readonly fresh: FreshSpans;
  readonly webSeeds: readonly WebSeed[];
  readonly timeouts: TorrentTimeouts;
  /** What is read in order, when it is. */
  readonly window: RunWindow | null;
  /** Not all that is lacking is downloaded. */
  readonly isPartial: boolean;
  readonly verified: (firstPiece: number, count: number) => void;
  readonly finished: () => void;
  readonly culprit: (peer: BanSubject) => void;
  readonly diskFull: (error: FleetseedError | null) => void;
  readonly failed: (error: FleetseedError) => void;
}

/** The download of what is missing: from the choice of spans to pieces that are verified and written. */
export class DownloadJob {
  readonly downloader: Downloader;
  readonly #options: DownloadJobOptions;
  readonly #table: SpanTable;
  readonly #wishes: Wishes;
  readonly #verifier: SpanVerifier;
  readonly #floor: WebSeedFloor;
  #cancelRetry: (() => void) | null = null;
  #diskFailures = 0;

  constructor(options: DownloadJobOptions) {
    this.#options = options;
    const { layout, pieces, store, missing, context, ledger, timeouts, window } = options;
    const have = inverse(missing);
    this.#table = new SpanTable(layout, have);
    this.#wishes = new Wishes(this.#table, window, options.isPartial);
    this.downloader = new Downloader({
      picker: new SpanPicker(this.#table, context.random, window, seedOfPeer(context.peerId)),
      missing,
      context,
      ledger,
      timeouts,
      wishes: this.#wishes,
      arrived: (arrival) => this.#verifier.submit(arrival),
      verifying: () => this.#verifier.pending,
    });
    this.#verifier = new SpanVerifier({
      table: this.#table,
      pieces,
      store,
      hasher: context.hasher,
      verdicts: {
        right: (spans, arrival) => this.#right(spans, arrival),
        kept: () => this.downloader.fill(),
        wrong: (spans, culprits) => this.#wrong(spans, culprits),
        convicted: (culprits) => this.#punish(culprits),
        unwritten: (span, error) => this.#unwritten(span, error),
      },
    });
    const { webSeeds } = options;
    this.#floor = new WebSeedFloor(webSeeds, this.downloader, context, timeouts.floorMs);
  }

  /** Writing waits for space. */
  get isHeld(): boolean {
    return this.#cancelRetry !== null;
  }

  /** The reader got on: there is room for more. */
  windowMoved(): void {
    this.downloader.picker.windowMoved();
    this.#wishes.tellAgain();
    this.downloader.fill();
  }

  tick(now: number): void {
    this.downloader.tick(now);
    if (!this.isHeld) this.#floor.tick(now);
  }

  close(): void {
    this.#cancelRetry?.();
    this.#verifier.close();
    this.#floor.close();
    this.downloader.close();
  }

  #right(spans: readonly VerifiedSpan[], arrival: SpanArrival): void {
    const { ledger, fresh, verified, finished } = this.#options;
    const { picker } = this.downloader;
    this.#diskFailures = 0;
    for (const { span, sender } of spans) {
      ledger.verified(sender.kind, this.#table.length[span]!);
      picker.verified(span);
    }
    fresh.keep(this.#table.payloadOffset(arrival.span), arrival.buffer);
    verified(this.#table.firstPiece[arrival.span]!, this.#table.pieceCount[arrival.span]!);
    if (picker.done) finished();
    else this.downloader.fill();
  }

  #wrong(spans: readonly number[], culprits: readonly Sender[]): void {
    for (const span of spans) {
      this.#options.ledger.wasted('hashFailure', this.#table.length[span]!);
      this.downloader.picker.failed(span);
    }
    this.#punish(culprits);
    this.downloader.fill();
  }

  #punish(culprits: readonly Sender[]): void {
    for (const sender of culprits) {
      if (!this.#floor.switchOff(sender) && sender.banSubject !== null) {
        this.#options.culprit(sender.banSubject);
      }
    }
  }

  #unwritten(span: number, error: FleetseedError): void {
    const { ledger, failed } = this.#options;
    ledger.wasted('aborted', this.#table.length[span]!);
    this.downloader.picker.failed(span);
    if (error.code === 'NO_SPACE') this.#wait(error);
    else if (error.code === 'TOO_MANY_OPEN_FILES') this.downloader.fill();
    else if (++this.#diskFailures >= MOST_DISK_FAILURES) failed(error);
    else this.downloader.fill();
  }

  /** Nothing is requested until there may be space again; then the next write will tell. */
  #wait(error: FleetseedError): void {
    if (this.#cancelRetry) return;
    const { context, timeouts, diskFull } = this.#options;
    this.downloader.hold(true);
    this.#cancelRetry = context.clock.setTimer(timeouts.diskRetryMs, () => {
      this.#cancelRetry = null;
      diskFull(null);
      this.downloader.hold(false);
    });
    diskFull(error);
  }
}

function inverse(field: Bitfield): Bitfield {
  const other = field.clone();
  for (let index = 0; index < field.size; index++) {
    if (field.get(index)) other.clear(index);
    else other.set(index);
  }
  return other;
}
