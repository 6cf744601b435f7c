import type { Clock } from '#lib/runtime';

/** From the end of a round to the begin of the next, milliseconds; longer when looking takes long. */
const EVERY_MS = 5_000;
/** Looking takes no more than this share of the time, at all artifacts together. */
const SHARE = 1 / 400;
/** A pause comes after this much looking, milliseconds: other work waits no longer for it. */
const BURST_MS = 50;

/**
 * Looks at all installed artifacts of a process in turn, so that what it costs does not grow with their
 * number: it takes longer until each has its turn.
 */
export class InspectionRounds {
  readonly #looks = new Set<() => Promise<void>>();
  #running = false;

  constructor(private readonly clock: Clock) {}

  /**
   * @param look must not reject
   * @returns what ends it
   */
  add(look: () => Promise<void>): () => void {
    this.#looks.add(look);
    if (!this.#running) void this.#run();
    return () => this.#looks.delete(look);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#looks.size > 0) {
      await this.#pause(EVERY_MS);
      let spentMs = 0;
      // One that is added meanwhile has its turn in the same round.
      for (const look of this.#looks) {
        const began = this.clock.monotonic();
        await look();
        spentMs += this.clock.monotonic() - began;
        if (spentMs < BURST_MS) continue;
        await this.#pause(spentMs / SHARE);
        spentMs = 0;
      }
      await this.#pause(spentMs / SHARE - EVERY_MS);
    }
    this.#running = false;
  }

  async #pause(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => this.clock.setTimer(ms, resolve));
  }
}
