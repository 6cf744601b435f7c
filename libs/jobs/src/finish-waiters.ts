interface Waiter<Ended> {
  resolve(job: Ended): void;
  reject(error: unknown): void;
}

/** Who waits for the end of which job. */
export class FinishWaiters<Ended extends { readonly id: string }> {
  readonly #waiters = new Map<string, Set<Waiter<Ended>>>();

  ids(): string[] {
    return [...this.#waiters.keys()];
  }

  /** @throws the signal's reason, or what `fail` is given */
  async wait(id: string, signal: AbortSignal | undefined): Promise<Ended> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    const waiter = { resolve, reject };
    const waiters = this.#waiters.get(id) ?? new Set<Waiter<Ended>>();
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

  finish(job: Ended): void {
    for (const waiter of this.#waiters.get(job.id) ?? []) waiter.resolve(job);
  }

  fail(id: string, error: unknown): void {
    for (const waiter of this.#waiters.get(id) ?? []) waiter.reject(error);
  }

  failAll(error: unknown): void {
    for (const id of this.ids()) this.fail(id, error);
  }
}
