import type { JobView } from '../job-queue.js';

interface Waiter {
  resolve(view: JobView): void;
  reject(error: unknown): void;
}

/** Who waits for the end of which job. */
export class FinishWaiters {
  readonly #waiters = new Map<string, Set<Waiter>>();

  ids(): string[] {
    return [...this.#waiters.keys()];
  }

  /** @throws the signal's reason, or what `fail` is given */
  async wait(id: string, signal: AbortSignal | undefined): Promise<JobView> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<JobView>();
    const waiter = { resolve, reject };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(waiter));
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(id) === waiters) this.#waiters.delete(id);
    }
  }

  finish(view: JobView): void {
    for (const waiter of this.#waiters.get(view.id) ?? []) waiter.resolve(view);
  }

  fail(id: string, error: unknown): void {
    for (const waiter of this.#waiters.get(id) ?? []) waiter.reject(error);
  }
}
