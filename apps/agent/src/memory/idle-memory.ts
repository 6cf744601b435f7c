import type { Clock } from '#lib/runtime';

/** Without work for this long the agent is at rest, milliseconds. */
const REST_MS = 5_000;

/**
 * Rests are so many times as long apart as one takes, at least: who serves somebody every now and then would do little
 * else, and the more the larger its heap.
 */
const APART = 100;

export interface IdleMemoryOptions {
  /** A count that grows with every transfer, and with everything that is hashed or copied. */
  readonly work: () => number;
  /** Gives back what only work needs; may take some tenths of a second. */
  readonly rest: () => void;
  readonly clock: Clock;
}

/**
 * Notices when work is over, or the start: an agent is at rest nearly always, and has no need of the memory that it
 * took.
 */
export class IdleMemory {
  /** At the last look; null before the first one, which takes the start for work. */
  #work: number | null = null;
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
    const { work, rest, clock } = this.options;
    const count = work();
    const worked = count !== this.#work;
    this.#work = count;
    if (worked) this.#rested = false;
    const began = clock.monotonic();
    if (worked || this.#rested || began < this.#notBefore) return;
    rest();
    this.#rested = true;
    this.#notBefore = began + APART * (clock.monotonic() - began);
  }
}
