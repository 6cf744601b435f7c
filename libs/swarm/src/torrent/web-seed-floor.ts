import { FleetseedError } from '#lib/contracts';

import { Bitfield } from '../bitfield.js';
import { RunHoldings } from '../policy/run.holdings.js';
import { DownloadPeer } from './download-source.js';
import type { Downloader } from './downloader.js';
import type { Sender } from './neighbour.js';
import type { TorrentContext, WebSeed } from './torrent.types.js';

/** Spans that a web seed is asked for at once. */
const AT_ONCE = 2;

/** One web seed while it is in use. */
class SeedSender implements Sender {
  readonly kind = 'web-seed';
  readonly banSubject = null;
  active = 0;
  /** It sent wrong bytes: it is not used again. */
  isBad = false;

  constructor(
    readonly seed: WebSeed,
    readonly pick: DownloadPeer,
  ) {}
}

/**
 * The floor under a download: when nothing comes from peers, web seeds are asked, and until something
 * does they go on. They get what nobody is asked for at the moment.
 */
export class WebSeedFloor {
  readonly #senders: SeedSender[];
  readonly #abort = new AbortController();

  constructor(
    seeds: readonly WebSeed[],
    private readonly downloader: Downloader,
    private readonly context: TorrentContext,
    private readonly floorMs: number,
  ) {
    const { layout } = downloader.table;
    const everything = Bitfield.full(layout.pieceCount);
    this.#senders = seeds.map((seed) => {
      const pick = new DownloadPeer(new RunHoldings(layout, everything, null));
      downloader.picker.addPeer(pick);
      return new SeedSender(seed, pick);
    });
  }

  /** To be called a few times a second. */
  tick(now: number): void {
    if (now - this.downloader.lastBytesAt < this.floorMs) return;
    for (const sender of this.#senders) this.#use(sender, now);
  }

  /** It sent wrong bytes. @returns whether the sender is one of ours */
  switchOff(sender: Sender): boolean {
    if (!(sender instanceof SeedSender)) return false;
    sender.isBad = true;
    this.downloader.picker.removePeer(sender.pick);
    return true;
  }

  close(): void {
    this.#abort.abort(new FleetseedError('ABORTED', 'The download ended.'));
  }

  #use(sender: SeedSender, now: number): void {
    const { table } = this.downloader;
    while (!sender.isBad && sender.active < AT_ONCE && sender.seed.pausedForMs() === 0) {
      const span = this.downloader.take(sender.pick, now);
      if (span < 0) return;
      const buffer = this.context.acquire(table.length[span]!);
      if (buffer === null) {
        this.downloader.picker.release(span, sender.pick);
        return;
      }
      sender.active++;
      void this.#fetch(sender, span, buffer);
    }
  }

  async #fetch(
    sender: SeedSender,
    span: number,
    buffer: NonNullable<ReturnType<TorrentContext['acquire']>>,
  ): Promise<void> {
    const { table, picker } = this.downloader;
    const { logger } = this.context;
    try {
      const pace = (bytes: number) => this.context.pace(bytes);
      const { signal } = this.#abort;
      await sender.seed.read(table.payloadOffset(span), buffer.bytes, signal, pace);
    } catch (error) {
      sender.active--;
      buffer.release();
      if (this.#abort.signal.aborted) return;
      logger.debug('web seed did not deliver', { error });
      picker.release(span, sender.pick);
      return;
    }
    sender.active--;
    this.downloader.brought(span, sender.pick, { span, buffer, sender });
    this.tick(this.context.clock.monotonic());
  }
}
