/** Readers that go through one object at a time, such as streams of the web seed. */
const HEADS = 4;
/** Spans that follow each other by chance are fewer. */
const IN_ORDER = 3;

interface Head {
  /** Where the last span that the reader took ends. */
  readonly end: number;
  /** Spans that it took in order. */
  readonly count: number;
}

/** Tells readers that go through an object in order from those that jump about in it. */
export class ReadAhead {
  /** The one that was seen last at the end. */
  readonly #heads: Head[] = [];

  /**
   * A part of a span was read.
   * @returns whether the next span is likely to be
   */
  passed({ offset, length }: { readonly offset: number; readonly length: number }): boolean {
    const end = offset + length;
    if (this.#heads.some((head) => head.end === end)) return false;
    const before = this.#heads.findIndex((head) => head.end === offset);
    const [head] = this.#heads.splice(Math.max(0, before), this.#isTaken(before) ? 1 : 0);
    const count = before >= 0 ? head!.count + 1 : 1;
    this.#heads.push({ end, count });
    return count >= IN_ORDER;
  }

  #isTaken(before: number): boolean {
    return before >= 0 || this.#heads.length >= HEADS;
  }
}
