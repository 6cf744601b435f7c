import { join } from 'node:path';

import { configurationError, FleetseedError } from '#lib/contracts';
import type { ContentReads, Depot, ReaderPool } from '#lib/depot';
import { openFilesShare, type Clock, type Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CacheCounters } from './cache.counters.js';
import { CachedContent } from './cached.content.js';
import { SpanDisk } from './span.disk.js';
import { SpanFolder } from './span.folder.js';

/** Spans in memory: on their way, or the last that came. */
const MEMORY_BYTES = 64 * 1024 * 1024;
/** Files of spans that are held open, and the descriptors they may have. */
const FILES = 128;
const FILES_SHARE = 0.05;

/**
 * How this process reads content: a depot on the disk as it is, and one that is far away through a
 * cache in `DIR/cache`.
 */
export class ContentCache {
  private constructor(
    readonly reads: ContentReads,
    private readonly counters: CacheCounters | null,
    private readonly disk: SpanDisk | null,
  ) {}

  /** @throws CONFIG_INVALID when the folder is another process's, or cannot be used */
  static async open(
    config: Pick<OriginConfig, 'data' | 's3Bucket' | 'cacheBytes'>,
    depot: Depot,
    readers: ReaderPool,
    clock: Clock,
    logger: Logger,
  ): Promise<ContentCache> {
    if (config.s3Bucket === undefined) return new ContentCache(readers, null, null);
    const counters = new CacheCounters();
    const limitBytes = config.cacheBytes;
    const openFiles = openFilesShare(FILES_SHARE, FILES);
    const disk =
      limitBytes === 0
        ? null
        : await SpanDisk.open(await openFolder(join(config.data, 'cache')), {
            limitBytes,
            openFiles,
            counters,
            clock,
            logger,
          });
    const options = { depot, disk, memoryBytes: MEMORY_BYTES, counters, clock };
    return new ContentCache(new CachedContent(options), counters, disk);
  }

  /** What it did since the process began; null where there is nothing to keep. */
  get figures() {
    if (!this.counters) return null;
    const { reads, fetchedBytes, evictions, unkept, damaged } = this.counters;
    const bytes = { used: this.disk?.used ?? 0, limit: this.disk?.limit ?? 0 };
    return {
      reads: { ...reads },
      fetchedBytes,
      evictions,
      unkept,
      damaged: { ...damaged },
      bytes,
    };
  }

  async close(): Promise<void> {
    await this.disk?.close();
  }
}

async function openFolder(folder: string): Promise<SpanFolder> {
  try {
    return await SpanFolder.open(folder);
  } catch (cause) {
    const isTaken = cause instanceof FleetseedError && cause.code === 'DEPOT_LOCKED';
    const reason = isTaken
      ? `${folder} is used by process ${String(cause.facts['pid'])}: each replica needs a folder of its own`
      : `${folder} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw configurationError('data', reason, cause);
  }
}
