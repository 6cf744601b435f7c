interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  pinned: boolean;
}

export interface Evicted<V> {
  readonly key: string;
  readonly value: V;
}

/**
 * What is kept within a bound of bytes: those used longest ago go first. What is pinned (because it is
 * being made) counts, and stays. At no moment do the entries come to more than the limit.
 */
export class LruPolicy<V> {
  /** In order of last use. */
  readonly #entries = new Map<string, Entry<V>>();
  #used = 0;
  #pinned = 0;

  constructor(
    /** Bytes. */
    readonly limit: number,
  ) {}

  /** Bytes of all entries. */
  get used(): number {
    return this.#used;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Bytes that an entry can have now without anything that is pinned giving way. */
  get room(): number {
    return this.limit - this.#pinned;
  }

  /** The value, which becomes the one used last. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Whether it is here; that is no use of it. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /**
   * Takes a new entry in, pinned, as the one used last.
   * @returns what has to go for it; null when it is here already or there is no room: nothing changes then
   */
  admit(key: string, value: V, bytes: number): Evicted<V>[] | null {
    if (bytes > this.room || this.#entries.has(key)) return null;
    const evicted: Evicted<V>[] = [];
    for (const [oldest, { value: old, pinned }] of this.#entries) {
      if (this.#used + bytes <= this.limit) break;
      if (pinned) continue;
      this.delete(oldest);
      evicted.push({ key: oldest, value: old });
    }
    this.#entries.set(key, { value, bytes, pinned: true });
    this.#used += bytes;
    this.#pinned += bytes;
    return evicted;
  }

  /** It may go from now on. */
  unpin(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry?.pinned) return;
    entry.pinned = false;
    this.#pinned -= entry.bytes;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#used -= entry.bytes;
    if (entry.pinned) this.#pinned -= entry.bytes;
  }
}
