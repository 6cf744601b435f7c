import { randomInt, type Random } from '#lib/runtime';

/**
 * A set with constant-time removal and random choice: items lie in an array, and each item's place is
 * kept by the owner through `place`.
 */
export class IndexedList<T> {
  readonly #items: T[] = [];

  /** @param place writes an item's place into it. */
  constructor(
    private readonly placeOf: (item: T) => number,
    private readonly place: (item: T, at: number) => void,
  ) {}

  get length(): number {
    return this.#items.length;
  }

  at(index: number): T | undefined {
    return this.#items[index];
  }

  add(item: T): void {
    this.place(item, this.#items.length);
    this.#items.push(item);
  }

  /** The last item moves into the gap. */
  remove(item: T): void {
    const at = this.placeOf(item);
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#items[at] = last;
    this.place(last, at);
  }

  /**
   * Calls `take` with items in random order until it has said true `count` times or the tries are used
   * up, which are bounded by `count` and not by the length of the list. In a long list an item may come
   * twice: `take` says false to what it has.
   */
  sample(count: number, random: Random, take: (item: T) => boolean): void {
    const length = this.#items.length;
    const tries = Math.min(length, 2 * count + 8);
    if (length > 4 * tries) {
      for (let drawn = 0, taken = 0; drawn < tries && taken < count; drawn++) {
        if (take(this.#items[randomInt(random, length)]!)) taken++;
      }
      return;
    }
    // A Fisher-Yates that leaves the list as it is.
    const order = Uint32Array.from(this.#items.keys());
    for (let drawn = 0, taken = 0; drawn < tries && taken < count; drawn++) {
      const at = drawn + randomInt(random, length - drawn);
      const index = order[at]!;
      order[at] = order[drawn]!;
      if (take(this.#items[index]!)) taken++;
    }
  }
}
