import { FleetseedError } from '#lib/contracts';

interface Running {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * One transfer at a time for a key, the newest: what is sent again comes from somebody whose earlier
 * connection hangs, so the earlier transfer is aborted and its end awaited.
 */
export class LatestWins {
  readonly #running = new Map<string, Running>();

  async run<T>(key: string, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let earlier = this.#running.get(key); earlier; earlier = this.#running.get(key)) {
      earlier.abort.abort(new FleetseedError('ABORTED', 'The same part is being sent again.'));
      await earlier.ended;
    }
    const abort = new AbortController();
    const result = action(abort.signal);
    const ended = result.then(
      () => this.#end(key),
      () => this.#end(key),
    );
    this.#running.set(key, { abort, ended });
    return result;
  }

  #end(key: string): void {
    this.#running.delete(key);
  }
}
