import type { Clock } from '#lib/runtime';

/** Without a transfer for this long the agent is at rest, milliseconds. */
const REST_MS = 5_000;

export interface IdleMemoryOptions {
  /** A count that grows with every transfer. */
  readonly transfers: () => number;
  /** Gives back what only transfers need; may take some tens of milliseconds. */
  readonly rest: () => void;
  readonly clock: Clock;
}

/** Notices when transfers are over: an agent is at rest nearly always, and has no need of their memory. */
export class IdleMemory {
  /** At the last look. */
  #transfers = 0;
  #rested = true;
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
