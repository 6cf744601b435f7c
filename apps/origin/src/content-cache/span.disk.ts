import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { ReaderPool } from '#lib/depot';
import type { Clock, Logger } from '#lib/runtime';

import type { CacheCounters } from './cache.counters.js';
import { LruPolicy } from './lru.policy.js';
import { spanFileBytes, spanName, type SpanHead } from './span.file.js';
import type { SpanFolder } from './span.folder.js';

/** After the disk failed, nothing is written to it for so long. */
const REST_MS = 60_000;

export interface SpanDiskOptions {
  readonly limitBytes: number;
  /** Files that are held open. */
  readonly openFiles: number;
  readonly counters: CacheCounters;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Spans on the disk, within the bound. What is damaged there is forgotten and not given. */
export class SpanDisk {
  /** The values say whether the span can be read: not while it is being written. */
  readonly #lru: LruPolicy<{ written: boolean }>;
  readonly #readers: ReaderPool;
  #restsUntil = -Infinity;
  /** Who writes waits until all that gave way by then is gone, so that no moment sees more than the bound. */
  #removals: Promise<void> = Promise.resolve();
  readonly #writes = new Set<Promise<void>>();
  #closed = false;

  private constructor(
    private readonly folder: SpanFolder,
    private readonly options: SpanDiskOptions,
  ) {
    this.#lru = new LruPolicy(options.limitBytes);
    this.#readers = new ReaderPool(folder, options.openFiles);
  }

  /** Takes over what an earlier process left; what is too much of it goes. */
  static async open(folder: SpanFolder, options: SpanDiskOptions): Promise<SpanDisk> {
    const disk = new SpanDisk(folder, options);
    for (const { name, bytes } of await folder.takeOver()) {
      const evicted = disk.#lru.admit(name, { written: true }, bytes);
      disk.#lru.unpin(name);
      if (evicted) await disk.#removeAll(evicted.map(({ key }) => key));
      else await folder.remove(name);
    }
    return disk;
  }

  /** Bytes that are kept. */
  get used(): number {
    return this.#lru.used;
  }

  get limit(): number {
    return this.#lru.limit;
  }

  has(name: string): boolean {
    return this.#lru.has(name);
  }

  /**
   * Fills a part of `buffer` from `position` of the span.
   * @returns false when it is not here, or not as it was written: it has to be got again
   */
  async read(
    name: string,
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<boolean> {
    const entry = this.#lru.get(name);
    if (!entry?.written) return false;
    try {
      await this.#readers.read(name, buffer, bufferOffset, length, position);
      return true;
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'SHUTTING_DOWN') throw error;
      // Meanwhile it may have given way, which is no damage.
      if (this.#lru.get(name) === entry) await this.#giveUp(name, error);
      return false;
    }
  }

  /** The span was read elsewhere: it counts as used. */
  touch(name: string): void {
    this.#lru.get(name);
  }

  /** Keeps a span, if there is room and the disk takes it. Never rejects. */
  async keep(head: SpanHead, bytes: Uint8Array): Promise<void> {
    if (this.#closed) return;
    const write = this.#keep(head, bytes);
    this.#writes.add(write);
    await write;
    this.#writes.delete(write);
  }

  /** Resolves when what was to be kept by now is kept. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
    await this.#removals;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
    await this.#readers.close();
    await this.folder.close();
  }

  async #keep(head: SpanHead, bytes: Uint8Array): Promise<void> {
    const { clock, counters, logger } = this.options;
    const name = spanName(head);
    if (this.#lru.has(name)) return;
    const entry = { written: false };
    const isAwake = clock.monotonic() >= this.#restsUntil;
    const evicted = isAwake ? this.#lru.admit(name, entry, spanFileBytes(head)) : null;
    if (!evicted) {
      counters.unkept++;
      return;
    }
    try {
      counters.evictions += evicted.length;
      await this.#removeAll(evicted.map(({ key }) => key));
      await this.folder.write(head, bytes);
      entry.written = true;
      this.#lru.unpin(name);
    } catch (error) {
      this.#lru.delete(name);
      counters.unkept++;
      this.#restsUntil = clock.monotonic() + REST_MS;
      logger.warn('content cache writes nothing for a minute, the disk failed', {
        code: systemErrorCode(error),
        error,
      });
    }
  }

  async #giveUp(name: string, error: unknown): Promise<void> {
    const { counters, logger } = this.options;
    this.#lru.delete(name);
    counters.damaged.disk++;
    logger.warn('content cache had a damaged span, it is fetched again', { name, error });
    await this.#removeAll([name]).catch((failure: unknown) =>
      logger.warn('damaged span not removed', { name, error: failure }),
    );
  }

  #removeAll(names: readonly string[]): Promise<void> {
    const removed = this.#removals.then(async () => {
      for (const name of names) {
        this.#readers.drop(name);
        await this.folder.remove(name);
      }
    });
    this.#removals = removed.catch(() => undefined);
    return removed;
  }
}
