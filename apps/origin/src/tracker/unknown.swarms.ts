export interface UnknownSwarmsOptions {
  /** Looks through everything there is. */
  readonly look: () => Promise<void>;
  /** Ms of a clock that never goes back. */
  readonly now: () => number;
  /** How long after the end of a look the next one may begin, at the least, ms. */
  readonly pauseMs: () => number;
}

/** A look is followed by a pause of so many times its own length: it takes a twentieth of the time at most. */
const REST = 19;
/** Names that were looked for in vain. */
const MAX_MISSED = 10_000;

/**
 * Looks again for what is not known, before it is refused: another replica may have made it a moment
 * ago. Anybody can ask for any number of names that do not exist, so all who ask share a look, looks
 * have a pause between them, and a name that was looked for in vain does not ask for another one.
 */
export class UnknownSwarms {
  /** Names that the look which ended last, or an earlier one, did not find. */
  readonly #missed = new Set<string>();
  #looking: Promise<void> | null = null;
  #mayLookAt = 0;

  constructor(private readonly options: UnknownSwarmsOptions) {}

  /** Resolves when it is worth to see again whether the name is known; false when it is not. */
  async lookFor(name: string): Promise<boolean> {
    if (this.#missed.has(name) || !(await this.look())) return false;
    if (this.#missed.size >= MAX_MISSED) this.#missed.clear();
    this.#missed.add(name);
    return true;
  }

  /** @returns whether there was a look; there is none in the pause after the last one */
  async look(): Promise<boolean> {
    const { now } = this.options;
    if (!this.#looking && now() < this.#mayLookAt) return false;
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    await this.#looking;
    return true;
  }

  async #look(): Promise<void> {
    const { look, now, pauseMs } = this.options;
    const begun = now();
    try {
      await look();
    } finally {
      const ended = now();
      this.#mayLookAt = ended + Math.max(pauseMs(), REST * (ended - begun));
    }
  }
}
