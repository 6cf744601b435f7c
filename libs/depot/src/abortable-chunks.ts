import type { Chunks } from './depot.js';

/**
 * The chunks, until `signal` aborts: then it throws the signal's reason at once, also while the
 * producer is silent, and tells the producer to stop.
 */
export async function* abortableChunks(
  chunks: Chunks,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal.throwIfAborted();
  if (Symbol.iterator in chunks) {
    for (const chunk of chunks) {
      yield chunk;
      signal.throwIfAborted();
    }
    return;
  }
  const iterator = chunks[Symbol.asyncIterator]();
  let refuse: ((reason: unknown) => void) | undefined;
  const onAbort = () => refuse?.(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let ended = false;
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        refuse = reject;
        iterator.next().then(resolve, reject);
      });
      signal.throwIfAborted();
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // A producer that hangs never answers `return`, so nobody waits for it.
    if (!ended) void iterator.return?.()?.then(undefined, () => undefined);
  }
}
