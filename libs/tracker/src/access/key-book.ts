import { randomBytes } from 'node:crypto';

import { finishHash, mixWord } from '../store/packed/hash-words.js';
import { readWord } from '../store/packed/peer-key.js';
import type { RecognizedKey, RecognizeKey } from './tracker-access.js';

interface Entry {
  readonly bytes: Uint8Array;
  readonly key: RecognizedKey;
}

/** More than a fleet of ten thousand has at a time; each is about 200 bytes here. */
const MOST = 65_536;
export const MAX_KEY_BYTES = 240;

/**
 * Keys that were recognized once, found again by their bytes, because checking a signature takes as long as
 * the rest of an announce. What a key is allowed is asked of it each time.
 *
 * Only good keys get in, so nobody can fill it, or choose what they collide with. They are found by 30 bits of
 * a hash that begins with a secret number, and then compared in constant time: whatever the time of a look-up
 * told, it could not tell more of a key than those 30 bits, and its signature has 128.
 */
export class KeyBook {
  readonly #entries = new Map<number, Entry>();
  readonly #seed = randomBytes(4).readUInt32BE();

  constructor(private readonly recognize: RecognizeKey) {}

  /**
   * @param bytes the key is `length` of them from `at`, at most {@link MAX_KEY_BYTES}.
   * @throws FleetseedError TRACKER_KEY_INVALID
   */
  find(bytes: Uint8Array, at: number, length: number): RecognizedKey {
    const place = this.#placeOf(bytes, at, length);
    const found = this.#entries.get(place);
    if (found && isSame(found.bytes, bytes, at, length)) return found.key;
    const own = Buffer.from(bytes.subarray(at, at + length));
    const key = this.recognize(own.toString('latin1'));
    if (this.#entries.size >= MOST) this.#entries.clear();
    this.#entries.set(place, { bytes: own, key });
    return key;
  }

  #placeOf(bytes: Uint8Array, at: number, length: number): number {
    const end = at + length;
    let hash = mixWord(this.#seed, length);
    let next = at;
    for (; next + 4 <= end; next += 4) hash = mixWord(hash, readWord(bytes, next));
    for (; next < end; next++) hash = mixWord(hash, bytes[next]!);
    // As a small integer, which a map finds quickest.
    return finishHash(hash) >>> 2;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (known.length !== length) return false;
  let difference = 0;
  for (let byte = 0; byte < length; byte++) difference |= known[byte]! ^ bytes[at + byte]!;
  return difference === 0;
}
