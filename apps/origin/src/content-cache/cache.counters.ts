/** Where a read found its bytes: `shared` is one that joined another's request to the store. */
export type ReadResult = 'memory' | 'disk' | 'shared' | 'store' | 'failed';

/** What the cache did since the process began. */
export class CacheCounters {
  /** Reads, each within one span. */
  readonly reads: Record<ReadResult, number> = {
    memory: 0,
    disk: 0,
    shared: 0,
    store: 0,
    failed: 0,
  };
  /** Bytes of content that came from the store; what its checking took is left out. */
  fetchedBytes = 0;
  /** Spans that gave way to others. */
  evictions = 0;
  /** Spans that were not on the disk as they had been written, and spans that came otherwise than they should. */
  damaged = { disk: 0, store: 0 };
  /** Spans that were served and could not be kept. */
  unkept = 0;
}
