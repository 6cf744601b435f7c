/** Shards grow one by one: no growth touches more than a thousandth of the records. */
const SHARD_BITS = 10;
const LEAST_SHARD = 4;

/** What an index has to know of the records that it finds. */
export interface IndexedRecords {
  /** 32 bits, well mixed. */
  hashOf(record: number): number;
  /** Whether the record is what is looked for now. */
  isSought(record: number): boolean;
}

/**
 * Finds records by hash: open addressing with linear probing, in a thousand shards that double when they
 * are two thirds full. Removing closes the gap, so there are no tombstones.
 */
export class RecordIndex {
  readonly #shards: Uint32Array[];
  readonly #counts = new Uint32Array(1 << SHARD_BITS);

  constructor(private readonly records: IndexedRecords) {
    this.#shards = Array.from({ length: 1 << SHARD_BITS }, () => new Uint32Array(LEAST_SHARD));
  }

  /** The record that is sought, 0 when there is none. */
  find(hash: number): number {
    const shard = this.#shards[hash >>> (32 - SHARD_BITS)]!;
    const mask = shard.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const record = shard[at]!;
      if (record === 0 || this.records.isSought(record)) return record;
    }
  }

  /** The record must not be there yet. */
  add(hash: number, record: number): void {
    const number = hash >>> (32 - SHARD_BITS);
    if (3 * (this.#counts[number]! + 1) > 2 * this.#shards[number]!.length) this.#grow(number);
    this.#counts[number]!++;
    place(this.#shards[number]!, hash, record);
  }

  remove(hash: number, record: number): void {
    const number = hash >>> (32 - SHARD_BITS);
    const shard = this.#shards[number]!;
    const mask = shard.length - 1;
    let gap = hash & mask;
    while (shard[gap] !== record) gap = (gap + 1) & mask;
    this.#counts[number]!--;
    for (let at = (gap + 1) & mask; shard[at] !== 0; at = (at + 1) & mask) {
      const home = this.records.hashOf(shard[at]!) & mask;
      // A record may move up to its home and no further.
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      shard[gap] = shard[at]!;
      gap = at;
    }
    shard[gap] = 0;
  }

  #grow(number: number): void {
    const old = this.#shards[number]!;
    const grown = new Uint32Array(2 * old.length);
    for (const record of old) if (record !== 0) place(grown, this.records.hashOf(record), record);
    this.#shards[number] = grown;
  }
}

function place(shard: Uint32Array, hash: number, record: number): void {
  const mask = shard.length - 1;
  let at = hash & mask;
  while (shard[at] !== 0) at = (at + 1) & mask;
  shard[at] = record;
}
