import { eachAtMost } from './in-flight.js';

/** Fewer are done one by one: they are not worth a thread that is to be started for them. */
const MANY = 512;
/** Files that a thread does in one go, and how many goes there are at once, for two threads or so. */
const BATCH = 256;
const BATCHES_AT_ONCE = 3;
const AT_ONCE = 8;

/**
 * Does something with each of many files: `many` does a batch on a thread and tells how many it did, `one` the one
 * that it stopped at, or all when there are few of them or no threads.
 */
export async function eachInBatches<T>(
  files: readonly T[],
  many: ((batch: readonly T[]) => Promise<number>) | null,
  one: (file: T) => Promise<void>,
): Promise<void> {
  if (!many || files.length < MANY) return eachAtMost(files, AT_ONCE, one);
  const batches = Math.ceil(files.length / BATCH);
  const starts = Array.from({ length: batches }, (_, index) => index * BATCH);
  await eachAtMost(starts, BATCHES_AT_ONCE, async (start) => {
    for (let batch = files.slice(start, start + BATCH); batch.length > 0;) {
      const done = await many(batch);
      if (done < batch.length) await one(batch[done]!);
      batch = batch.slice(done + 1);
    }
  });
}
