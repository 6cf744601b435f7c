import { FleetseedError } from '#lib/contracts';

/** Counts what is under way, so that closing can wait for it and refuse what comes after. */
export class InFlight {
  #count = 0;
  #closed = false;
  #drained: (() => void) | null = null;

  constructor(private readonly what: string) {}

  /** @throws FleetseedError SHUTTING_DOWN once closing has begun. */
  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new FleetseedError('SHUTTING_DOWN', `The ${this.what} is closed.`);
    this.#count++;
    try {
      return await action();
    } finally {
      if (--this.#count === 0) this.#drained?.();
    }
  }

  /** Refuses what comes from now on; resolves when what is under way is done. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#count === 0) return;
    const before = this.#drained;
    await new Promise<void>((resolve) => {
      this.#drained = () => {
        before?.();
        resolve();
      };
    });
  }
}

/** Runs `action` on each item, at most `limit` at once; after a failure no further one is begun. */
export async function eachAtMost<T>(
  items: readonly T[],
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  const worker = async () => {
    while (next < items.length && !failure) {
      try {
        await action(items[next++]!);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  // All workers are waited for, so that nothing touches the caller's buffer after the rejection.
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure) throw (failure as { readonly error: unknown }).error;
}
