/** Entries that a page has room for, by class: memory lost to rounding up stays below a third. */
export const PAGE_CAPACITIES: readonly number[] = [
  1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
];
/** Words before the entries of a page: class, count and depth of the page in its directory. */
export const PAGE_HEAD = 2;
export const WORDS_OF_ENTRY = 2;

const CHUNK_BITS = 18;
const CHUNK_WORDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_WORDS - 1;

/**
 * Memory for pages, in chunks of 1 MiB that are never moved: growing costs no copy. A page is named by the
 * number of its first word; 0 is no page. Freed pages are kept by class, linked through their own first word.
 */
export class PageSlab {
  readonly #chunks: Uint32Array[] = [];
  readonly #free = new Uint32Array(PAGE_CAPACITIES.length);
  /** The first words are left out, so that 0 can stand for no page. */
  #next = 0;

  chunkOf(page: number): Uint32Array {
    return this.#chunks[page >>> CHUNK_BITS]!;
  }

  /** Where the page's first word is in its chunk. */
  offsetOf(page: number): number {
    return page & CHUNK_MASK;
  }

  /** An empty page: no entries, all words 0 but the class. */
  take(sizeClass: number, depth: number): number {
    const words = PAGE_HEAD + WORDS_OF_ENTRY * PAGE_CAPACITIES[sizeClass]!;
    const page = this.#free[sizeClass] || this.#carve(words);
    const chunk = this.chunkOf(page);
    const offset = page & CHUNK_MASK;
    if (page === this.#free[sizeClass]) {
      this.#free[sizeClass] = chunk[offset]!;
      chunk.fill(0, offset, offset + words);
    }
    chunk[offset] = sizeClass;
    chunk[offset + 1] = depth;
    return page;
  }

  give(page: number): void {
    const chunk = this.chunkOf(page);
    const offset = page & CHUNK_MASK;
    const sizeClass = chunk[offset]! & 0xff;
    chunk[offset] = this.#free[sizeClass]!;
    this.#free[sizeClass] = page;
  }

  #carve(words: number): number {
    if (this.#next + words > this.#chunks.length * CHUNK_WORDS) {
      // The rest of the last chunk, less than the largest page, is given up.
      this.#next = Math.max(this.#chunks.length * CHUNK_WORDS, PAGE_HEAD);
      this.#chunks.push(new Uint32Array(CHUNK_WORDS));
    }
    const page = this.#next;
    this.#next += words;
    return page;
  }
}
