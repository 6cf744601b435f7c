import { untrack } from 'svelte';

import { Poller } from './poller.js';

/** What a page shows of something that is asked for again and again. */
export interface Polled<T> {
  /** The newest answer; undefined before the first. It stays while later questions fail. */
  readonly value: T | undefined;
  /** Why the newest question failed; null when it did not. */
  readonly error: Error | null;
  /** When the value was answered, ms since the epoch; 0 before the first. */
  readonly at: number;
}

/**
 * Asks while the component is on the page and the page can be seen. To be called while a component
 * is set up, for one question: a component that shows another thing is made anew (`{#key}`).
 */
export function polled<T>(load: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> {
  // Whole answers are replaced, so nothing inside them needs to be watched.
  let state = $state.raw<Polled<T>>({ value: undefined, error: null, at: 0 });

  $effect(() => {
    const poller = new Poller(async (signal) => {
      try {
        const value = await load(signal);
        if (!signal.aborted) state = { value, error: null, at: Date.now() };
      } catch (error) {
        if (signal.aborted) return;
        const shown = error instanceof Error ? error : new Error(String(error));
        state = { ...state, error: shown };
      }
    }, everyMs);
    untrack(() => poller.start());
    return () => poller.stop();
  });

  return {
    get value() {
      return state.value;
    },
    get error() {
      return state.error;
    },
    get at() {
      return state.at;
    },
  };
}
