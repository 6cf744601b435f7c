/**
 * SipHash-2-4 (Aumasson and Bernstein): a keyed hash of 64 bits for short messages, that nobody without the
 * key can compute. Works on 32 bit words, low word first, and allocates nothing.
 */
export class SipHash {
  low = 0;
  high = 0;

  /** @param key four words, low word of each half first. */
  constructor(private readonly key: Uint32Array) {}

  /** @param words an even number; the last two end the message as SipHash wants it (its length on top). */
  digest(words: Uint32Array): void {
    const [k0, k1, k2, k3] = [this.key[0]!, this.key[1]!, this.key[2]!, this.key[3]!];
    // Four words of 64 bits, each as its low and its high half: as locals they stay in registers.
    let [l0, h0, l1, h1] = [k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d, k3 ^ 0x646f7261];
    let [l2, h2, l3, h3] = [k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462];
    const absorbing = words.length;
    // Two rounds for each pair of words, so that a round's number is that of its word; then four.
    for (let round = 0; round < absorbing + 4; round += 2) {
      const last = round >= absorbing;
      const low = last ? 0 : words[round]!;
      const high = last ? 0 : words[round + 1]!;
      if (round === absorbing) l2 ^= 0xff;
      l3 ^= low;
      h3 ^= high;
      for (let twice = 0; twice < 2; twice++) {
        let swap = l0;
        l0 = (l0 + l1) | 0;
        h0 = (h0 + h1 + (l0 >>> 0 < swap >>> 0 ? 1 : 0)) | 0;
        swap = (l1 << 13) | (h1 >>> 19);
        h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
        l1 = swap ^ l0;
        swap = l2;
        l2 = (l2 + l3) | 0;
        h2 = (h2 + h3 + (l2 >>> 0 < swap >>> 0 ? 1 : 0)) | 0;
        swap = (l3 << 16) | (h3 >>> 16);
        h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
        l3 = swap ^ l2;
        // The first word is turned by half: its low half was the high one.
        swap = h0;
        h0 = l0;
        l0 = (swap + l3) | 0;
        h0 = (h0 + h3 + (l0 >>> 0 < swap >>> 0 ? 1 : 0)) | 0;
        swap = (l3 << 21) | (h3 >>> 11);
        h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
        l3 = swap ^ l0;
        swap = l2;
        l2 = (l2 + l1) | 0;
        h2 = (h2 + h1 + (l2 >>> 0 < swap >>> 0 ? 1 : 0)) | 0;
        swap = (l1 << 17) | (h1 >>> 15);
        h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
        l1 = swap ^ l2;
        swap = l2;
        l2 = h2;
        h2 = swap;
      }
      l0 ^= low;
      h0 ^= high;
    }
    this.low = (l0 ^ l1 ^ l2 ^ l3) >>> 0;
    this.high = (h0 ^ h1 ^ h2 ^ h3) >>> 0;
  }
}
