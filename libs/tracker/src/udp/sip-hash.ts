/**
 * SipHash-2-4 (Aumasson and Bernstein): a keyed hash of 64 bits for short messages, that nobody without the
 * key can compute. Works on 32 bit words, low word first, and allocates nothing.
 */
export class SipHash {
  low = 0;
  high = 0;
  readonly #v = new Int32Array(8);

  /** @param key four words, low word of each half first. */
  constructor(private readonly key: Uint32Array) {}

  /** @param words an even number; the last two end the message as SipHash wants it (its length on top). */
  digest(words: Uint32Array): void {
    const { key } = this;
    const v = this.#v;
    v[0] = key[0]! ^ 0x70736575;
    v[1] = key[1]! ^ 0x736f6d65;
    v[2] = key[2]! ^ 0x6e646f6d;
    v[3] = key[3]! ^ 0x646f7261;
    v[4] = key[0]! ^ 0x6e657261;
    v[5] = key[1]! ^ 0x6c796765;
    v[6] = key[2]! ^ 0x79746573;
    v[7] = key[3]! ^ 0x74656462;
    for (let at = 0; at < words.length; at += 2) {
      v[6] ^= words[at]!;
      v[7] ^= words[at + 1]!;
      rounds(v, 2);
      v[0] ^= words[at]!;
      v[1] ^= words[at + 1]!;
    }
    v[4] ^= 0xff;
    rounds(v, 4);
    this.low = (v[0] ^ v[2] ^ v[4] ^ v[6]) >>> 0;
    this.high = (v[1] ^ v[3] ^ v[5] ^ v[7]) >>> 0;
  }
}

/** Four words of 64 bits, low halves at even places. */
function rounds(v: Int32Array, count: number): void {
  let [l0, h0, l1, h1] = [v[0]!, v[1]!, v[2]!, v[3]!];
  let [l2, h2, l3, h3] = [v[4]!, v[5]!, v[6]!, v[7]!];
  let swap = 0;
  for (let round = 0; round < count; round++) {
    let sum = (l0 >>> 0) + (l1 >>> 0);
    h0 = (h0 + h1 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    l0 = sum | 0;
    swap = (l1 << 13) | (h1 >>> 19);
    h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
    l1 = swap ^ l0;
    swap = l0;
    l0 = h0;
    h0 = swap;
    sum = (l2 >>> 0) + (l3 >>> 0);
    h2 = (h2 + h3 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    l2 = sum | 0;
    swap = (l3 << 16) | (h3 >>> 16);
    h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
    l3 = swap ^ l2;
    sum = (l0 >>> 0) + (l3 >>> 0);
    h0 = (h0 + h3 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    l0 = sum | 0;
    swap = (l3 << 21) | (h3 >>> 11);
    h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
    l3 = swap ^ l0;
    sum = (l2 >>> 0) + (l1 >>> 0);
    h2 = (h2 + h1 + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    l2 = sum | 0;
    swap = (l1 << 17) | (h1 >>> 15);
    h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
    l1 = swap ^ l2;
    swap = l2;
    l2 = h2;
    h2 = swap;
  }
  v[0] = l0;
  v[1] = h0;
  v[2] = l1;
  v[3] = h1;
  v[4] = l2;
  v[5] = h2;
  v[6] = l3;
  v[7] = h3;
}
