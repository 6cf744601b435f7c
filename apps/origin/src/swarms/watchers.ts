/** Counts who watches what, and says when the first comes and the last goes. */
export class Watchers {
  readonly #counts = new Map<string, number>();

  /** @param changed called when an artifact begins or ends to be watched. */
  constructor(private readonly changed: (artifact: string, watched: boolean) => void) {}

  /** @returns what to call when this watcher goes; a second call does nothing. */
  add(artifact: string): () => void {
    const count = (this.#counts.get(artifact) ?? 0) + 1;
    this.#counts.set(artifact, count);
    if (count === 1) this.changed(artifact, true);
    let here = true;
    return () => {
      if (here) this.#remove(artifact);
      here = false;
    };
  }

  isWatched(artifact: string): boolean {
    return this.#counts.has(artifact);
  }

  watched(): string[] {
    return [...this.#counts.keys()];
  }

  #remove(artifact: string): void {
    const count = (this.#counts.get(artifact) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(artifact, count);
      return;
    }
    this.#counts.delete(artifact);
    this.changed(artifact, false);
  }
}
