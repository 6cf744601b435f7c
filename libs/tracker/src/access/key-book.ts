import { randomBytes } from 'node:crypto';

import { readWord } from '../store/packed/peer-key.js';
import { SipHash } from '../udp/sip-hash.js';
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
 * Only good keys get in, so nobody can fill it. They are found by a hash under a secret of this process, and
 * then compared in constant time: how long a look-up takes tells nothing of a key.
 */
export class KeyBook {
  readonly #entries = new Map<number, Entry>();
  readonly #hash: SipHash;
  readonly #words = new Uint32Array(MAX_KEY_BYTES / 4 + 2);
  /** The first words, by their count. */
  readonly #messages: Uint32Array[] = [];

  constructor(private readonly recognize: RecognizeKey) {
    const secret = randomBytes(16);
    this.#hash = new SipHash(Uint32Array.from({ length: 4 }, (_, at) => readWord(secret, 4 * at)));
  }

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
    const words = this.#words;
    const whole = length >> 2;
    for (let word = 0; word < whole; word++) words[word] = readWord(bytes, at + 4 * word);
    let rest = 0;
    for (let byte = 4 * whole; byte < length; byte++) rest = (rest << 8) | bytes[at + byte]!;
    words[whole] = rest;
    // An even number of words, the last of which tells the length.
    const count = (whole + 3) & ~1;
    for (let word = whole + 1; word < count; word++) words[word] = 0;
    words[count - 1] = length;
    this.#hash.digest((this.#messages[count] ??= words.subarray(0, count)));
    return this.#hash.low;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  if (known.length !== length) return false;
  let difference = 0;
  for (let byte = 0; byte < length; byte++) difference |= known[byte]! ^ bytes[at + byte]!;
  return difference === 0;
}
