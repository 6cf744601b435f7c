interface Entry<T> {
  readonly hash: Uint8Array;
  readonly value: T;
}

/**
 * What stands under info-hashes of 20 bytes. The tracker looks one up for every announce, so they are compared
 * as the bytes that came and no text is made of them.
 */
export class InfoHashMap<T> {
  /** By the first 30 bits, which are as good as any hash of a hash. */
  readonly #byHead = new Map<number, Entry<T>[]>();

  get(hash: Uint8Array): T | undefined {
    const entries = this.#byHead.get(headOf(hash));
    if (entries) for (const entry of entries) if (isSame(entry.hash, hash)) return entry.value;
    return undefined;
  }

  set(hash: Uint8Array, value: T): void {
    const others = this.#without(hash);
    this.#byHead.set(headOf(hash), [...others, { hash: Uint8Array.from(hash), value }]);
  }

  delete(hash: Uint8Array): void {
    const others = this.#without(hash);
    if (others.length === 0) this.#byHead.delete(headOf(hash));
    else this.#byHead.set(headOf(hash), others);
  }

  #without(hash: Uint8Array): Entry<T>[] {
    const entries = this.#byHead.get(headOf(hash)) ?? [];
    return entries.filter((entry) => !isSame(entry.hash, hash));
  }
}

function headOf(hash: Uint8Array): number {
  return (hash[0]! << 22) | (hash[1]! << 14) | (hash[2]! << 6) | (hash[3]! >> 2);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
