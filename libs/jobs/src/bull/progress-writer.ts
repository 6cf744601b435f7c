import type { Clock } from '#lib/runtime';

import type { JobProgress } from '../job-queue.js';

/** Writes progress as fast as it can be of use and no faster: the latest wins, in order. */
export class ProgressWriter {
  #next: JobProgress | null = null;
  #writing: Promise<void> | null = null;
  #endPause: () => void = () => undefined;
  #flushing = false;

  constructor(
    private readonly write: (progress: JobProgress) => Promise<void>,
    private readonly clock: Clock,
    private readonly pauseMs: number,
  ) {}

  set(progress: JobProgress): void {
    this.#next = { ...progress };
    this.#writing ??= this.#run().finally(() => (this.#writing = null));
  }

  /** Resolves once the latest is written; no pauses from now on. */
  async flush(): Promise<void> {
    this.#flushing = true;
    this.#endPause();
    await this.#writing;
  }

  async #run(): Promise<void> {
    while (this.#next) {
      const progress = this.#next;
      this.#next = null;
      await this.write(progress);
      if (!this.#flushing) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.clock.setTimer(this.pauseMs, resolve);
    this.#endPause = () => {
      stop();
      resolve();
    };
    return promise;
  }
}
