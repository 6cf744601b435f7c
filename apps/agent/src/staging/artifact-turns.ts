import { untilAborted } from '#lib/runtime';

/**
 * What is done to one artifact is done one after the other: a swarm knows this machine once, however many
 * apps want the artifact.
 */
export class ArtifactTurns {
  readonly #last = new Map<string, Promise<void>>();

  isBusy(artifact: string): boolean {
    return this.#last.has(artifact);
  }

  /** Runs `action` when those before are done. @throws the signal's reason when it aborts before */
  async take<T>(artifact: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
    const before = this.#last.get(artifact) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    // Who gives up waiting does not let the next one pass those that were before.
    const last = before.then(() => mine.promise);
    this.#last.set(artifact, last);
    void last.then(() => {
      if (this.#last.get(artifact) === last) this.#last.delete(artifact);
    });
    try {
      await untilAborted(before, signal);
      return await action();
    } finally {
      mine.resolve();
    }
  }

  /** Resolves when everything that was begun or waits now is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
