import { FleetseedError } from '#lib/contracts';

/** Set bits of each byte value. */
const WEIGHT = Uint8Array.from({ length: 256 }, (_, byte) => {
  let weight = 0;
  for (let rest = byte; rest > 0; rest >>= 1) weight += rest & 1;
  return weight;
});

/** Consecutive indices: [first, first + count). */
export interface IndexRange {
  readonly first: number;
  readonly count: number;
}

/** A set of the integers below `size`, kept as BEP 3 sends it: the first one is the highest bit of byte 0. */
export class Bitfield {
  readonly #bytes: Buffer;
  #count = 0;

  constructor(readonly size: number) {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`Not a size: ${size}`);
    this.#bytes = Buffer.alloc(Math.ceil(size / 8));
  }

  static full(size: number): Bitfield {
    const field = new Bitfield(size);
    field.setRange(0, size);
    return field;
  }

  /**
   * Takes a copy of `bytes`.
   * @throws FleetseedError WIRE_INVALID when the length is not that of `size` bits or a spare bit is set.
   */
  static fromBuffer(bytes: Uint8Array, size: number): Bitfield {
    const field = new Bitfield(size);
    const expected = field.#bytes.length;
    if (bytes.length !== expected) {
      const text = `A bitfield of ${size} pieces has ${expected} bytes, not ${bytes.length}.`;
      throw new FleetseedError('WIRE_INVALID', text, { size, bytes: bytes.length });
    }
    const spare = expected * 8 - size;
    if (spare > 0 && (bytes[expected - 1]! & ((1 << spare) - 1)) !== 0) {
      throw new FleetseedError('WIRE_INVALID', 'A spare bit of a bitfield is set.', { size });
    }
    field.#bytes.set(bytes);
    for (const byte of bytes) field.#count += WEIGHT[byte]!;
    return field;
  }

  /** How many are in the set. */
  get count(): number {
    return this.#count;
  }

  get all(): boolean {
    return this.#count === this.size;
  }

  get none(): boolean {
    return this.#count === 0;
  }

  /** False for an index outside. */
  get(index: number): boolean {
    return ((this.#bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
  }

  /** @returns whether it changed anything. @throws RangeError outside of the size. */
  set(index: number): boolean {
    this.#check(index, 1);
    if (this.get(index)) return false;
    this.#bytes[index >> 3]! |= 0x80 >> (index & 7);
    this.#count++;
    return true;
  }

  /** @returns whether it changed anything. @throws RangeError outside of the size. */
  clear(index: number): boolean {
    this.#check(index, 1);
    if (!this.get(index)) return false;
    this.#bytes[index >> 3]! &= ~(0x80 >> (index & 7));
    this.#count--;
    return true;
  }

  /** Puts [first, first + count) in. @throws RangeError outside of the size. */
  setRange(first: number, count: number): void {
    this.#check(first, count);
    const end = first + count;
    let index = first;
    for (; index < end && (index & 7) !== 0; index++) this.set(index);
    for (; end - index >= 8; index += 8) {
      this.#count += 8 - WEIGHT[this.#bytes[index >> 3]!]!;
      this.#bytes[index >> 3] = 0xff;
    }
    for (; index < end; index++) this.set(index);
  }

  /** Whether all of [first, first + count) is in the set. */
  hasRange(first: number, count: number): boolean {
    return this.#next(first, Math.min(first + count, this.size), false) >= first + count;
  }

  /** How many of the set are not in the other one of the same size; `most` when there are as many or more. */
  countOutside(other: Bitfield, most: number): number {
    let count = 0;
    for (let at = 0; at < this.#bytes.length && count < most; at++) {
      count += WEIGHT[this.#bytes[at]! & ~other.#bytes[at]!]!;
    }
    return Math.min(count, most);
  }

  /** The set as BEP 3 sends it: a copy. */
  toBuffer(): Buffer {
    return Buffer.from(this.#bytes);
  }

  clone(): Bitfield {
    const copy = new Bitfield(this.size);
    copy.#bytes.set(this.#bytes);
    copy.#count = this.#count;
    return copy;
  }

  /** What is in the set, in order. */
  *indices(): Generator<number> {
    for (let at = this.#next(0, this.size, true); at < this.size;) {
      yield at;
      at = this.#next(at + 1, this.size, true);
    }
  }

  /** What is not in the set, in order. */
  *missing(): Generator<number> {
    for (let at = this.#next(0, this.size, false); at < this.size;) {
      yield at;
      at = this.#next(at + 1, this.size, false);
    }
  }

  /** The set as ranges, each as long as can be, in order. */
  *ranges(): Generator<IndexRange> {
    for (let first = this.#next(0, this.size, true); first < this.size;) {
      const end = this.#next(first, this.size, false);
      yield { first, count: end - first };
      first = this.#next(end, this.size, true);
    }
  }

  /** The first index from `from` below `end` that is in the set (or is not); `end` when there is none. */
  #next(from: number, end: number, present: boolean): number {
    const dull = present ? 0 : 0xff;
    let index = from;
    while (index < end) {
      if ((index & 7) === 0 && this.#bytes[index >> 3] === dull) index += 8;
      else if (this.get(index) === present) return index;
      else index++;
    }
    return end;
  }

  #check(first: number, count: number): void {
    if (Number.isInteger(first) && first >= 0 && count >= 0 && first + count <= this.size) return;
    throw new RangeError(`${first}+${count} is not inside ${this.size}.`);
  }
}
