import type { Clock } from './clock.js';

export interface RepeatOptions {
  readonly clock: Clock;
  /** Between the end of one run and the begin of the next, and before the first, milliseconds. */
  readonly pauseMs: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Runs `action` again and again; a run that fails is told, and the next one comes all the same.
 * @returns what ends it; a run under way goes on to its end.
 */
export function repeat(action: () => Promise<void>, options: RepeatOptions): () => void {
  const { clock, pauseMs, onError } = options;
  let ended = false;
  let cancel = clock.setTimer(pauseMs, run);
  function run(): void {
    action()
      .catch(onError)
      .finally(() => {
        if (!ended) cancel = clock.setTimer(pauseMs, run);
      });
  }
  return () => {
    ended = true;
    cancel();
  };
}
