import type { Clock } from '#lib/runtime';

/** Without a transfer for this long the agent is at rest, milliseconds. */
const REST_MS = 5_000;

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
    const transfers = this.options.transfers();
    const moved = transfers !== this.#transfers;
    this.#transfers = transfers;
    if (!moved && !this.#rested) this.options.rest();
    this.#rested = !moved;
  }
}
