import type { MetricMaker, Sums } from './metric.maker.js';

export interface ContentCacheFigures {
  /** By where the bytes were found. */
  readonly reads: Sums;
  readonly fetchedBytes: number;
  readonly evictions: number;
  readonly unkept: number;
  readonly damaged: Sums;
  readonly bytes: Sums;
}

/** Of this process alone: each replica has a cache of its own. */
export function contentCacheMetrics(
  make: MetricMaker,
  read: () => ContentCacheFigures | null,
): void {
  make.counters(
    'content_cache_reads_total',
    'Reads of content from S3, by where the bytes were found: shared waited for the same request.',
    'result',
    () => read()?.reads ?? {},
  );
  make.counter(
    'content_cache_fetched_bytes_total',
    'Bytes of content read from S3.',
    () => read()?.fetchedBytes ?? null,
  );
  make.counter(
    'content_cache_evictions_total',
    'Spans that gave way to others.',
    () => read()?.evictions ?? null,
  );
  make.counter(
    'content_cache_unkept_total',
    'Spans that were served and could not be kept on the disk.',
    () => read()?.unkept ?? null,
  );
  make.counters(
    'content_cache_damaged_total',
    'Spans that were not what they should be, by where they came from; none was served.',
    'source',
    () => read()?.damaged ?? {},
  );
  make.gauges(
    'content_cache_bytes',
    'Bytes of content that are kept on the disk, and that may be.',
    'kind',
    () => read()?.bytes ?? {},
  );
}
