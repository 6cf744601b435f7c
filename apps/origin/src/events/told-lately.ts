/** Names remembered at a time; when there are more, the oldest are forgotten, and told once more. */
const MAX_NAMES = 10_000;

/** What was told a moment ago and need not be told again. Pure: times are the caller's, in ms. */
export class ToldLately {
  /** In the order in which they were told. */
  readonly #at = new Map<string, number>();

  constructor(private readonly quietMs: number) {}

  /** @returns whether it should be told now; then it counts as told */
  isNews(name: string, nowMs: number): boolean {
    const toldAt = this.#at.get(name);
    if (toldAt !== undefined && nowMs - toldAt < this.quietMs) return false;
    this.#at.delete(name);
    this.#at.set(name, nowMs);
    for (const oldest of this.#at.keys()) {
      if (this.#at.size <= MAX_NAMES) break;
      this.#at.delete(oldest);
    }
    return true;
  }
}
