import type { Clock } from '#lib/runtime';

/** Without a transfer for this long the agent is at rest, milliseconds. */
const REST_MS = 5_000;

/**
 * Rests are so many times as long apart as one takes, at least: who serves somebody every now and then would do little
 * else, and the more the larger its heap.
 */
const APART = 100;

export interface IdleMemoryOptions {
  /** A count that grows with every transfer. */
  readonly transfers: () => number;
  /** Gives back what only transfers need; may take some tenths of a second. */
  readonly rest: () => void;
  readonly clock: Clock;
}

/**
 * Notices when transfers are over, or the start: an agent is at rest nearly always, and has no need of the memory
 * that they took.
 */
export class IdleMemory {
  /** At the last look; null before the first one, which takes the start for a transfer. */
  #transfers: number | null = null;
  #rested = false;
  /** Monotonic milliseconds. */
  #notBefore = -Infinity;
  #cancel: () => void = () => {};

  constructor(private readonly options: IdleMemoryOptions) {}

  start(): void {
    this.#cancel = this.options.clock.setTimer(REST_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { transfers, rest, clock } = this.options;
    const count = transfers();
    const moved = count !== this.#transfers;
    this.#transfers = count;
    if (moved) this.#rested = false;
    const began = clock.monotonic();
    if (moved || this.#rested || began < this.#notBefore) return;
    rest();
    this.#rested = true;
    this.#notBefore = began + APART * (clock.monotonic() - began);
  }
}
