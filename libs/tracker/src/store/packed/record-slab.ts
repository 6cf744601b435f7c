const CHUNK_RECORDS_BITS = 12;
const CHUNK_RECORDS = 1 << CHUNK_RECORDS_BITS;
const CHUNK_MASK = CHUNK_RECORDS - 1;

/**
 * Records of a fixed number of words in chunks that are never moved, numbered from 1; 0 is no record. The
 * last word of a freed record links it to the next free one.
 */
export class RecordSlab {
  readonly #chunks: Uint32Array[] = [];
  #free = 0;
  #next = 1;
  #count = 0;

  constructor(private readonly words: number) {}

  get count(): number {
    return this.#count;
  }

  chunkOf(record: number): Uint32Array {
    return this.#chunks[record >>> CHUNK_RECORDS_BITS]!;
  }

  offsetOf(record: number): number {
    return (record & CHUNK_MASK) * this.words;
  }

  /** A record of zeros. */
  take(): number {
    this.#count++;
    if (this.#free !== 0) {
      const record = this.#free;
      const chunk = this.chunkOf(record);
      const offset = this.offsetOf(record);
      this.#free = chunk[offset + this.words - 1]!;
      chunk.fill(0, offset, offset + this.words);
      return record;
    }
    if (this.#next >> CHUNK_RECORDS_BITS === this.#chunks.length) {
      this.#chunks.push(new Uint32Array(CHUNK_RECORDS * this.words));
    }
    return this.#next++;
  }

  give(record: number): void {
    this.#count--;
    this.chunkOf(record)[this.offsetOf(record) + this.words - 1] = this.#free;
    this.#free = record;
  }

  /** One past the highest number that was ever taken. */
  get end(): number {
    return this.#next;
  }
}
