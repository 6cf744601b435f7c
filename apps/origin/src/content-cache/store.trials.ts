import { setImmediate as nextTurn } from 'node:timers/promises';

import { FleetseedError } from '#lib/contracts';

/** Failures that say that the store is away, rather than that it has not got something. */
const AWAY = new Set(['DEPOT_UNAVAILABLE', 'TIMED_OUT']);

/**
 * While the store does not answer it is asked one thing at a time: whoever wants another is told so
 * soon, and does not keep a place from those whose bytes are here. It is told so in a turn of its own:
 * else one that asks again at once would keep the store's answer from ever being read.
 */
export class StoreTrials {
  #away = false;
  #running = 0;

  /** Asks the store, or not. @throws PIECE_UNAVAILABLE while it is away and somebody else asks it */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#away && this.#running > 0) {
      await nextTurn();
      throw new FleetseedError('PIECE_UNAVAILABLE', 'The store does not answer at the moment.');
    }
    this.#running++;
    try {
      const answer = await ask();
      this.#away = false;
      return answer;
    } catch (error) {
      this.#away = error instanceof FleetseedError && AWAY.has(error.code);
      throw error;
    } finally {
      this.#running--;
    }
  }
}
