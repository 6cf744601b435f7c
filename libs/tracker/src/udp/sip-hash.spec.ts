import { describe, expect, it } from 'vitest';

import { SipHash } from './sip-hash.js';

const key = Uint32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);

describe('SipHash', () => {
  it('gives the values of its authors', () => {
    const hash = new SipHash(key);
    hash.digest(Uint32Array.of(0, 0));
    expect([hash.high, hash.low]).toEqual([0x726fdb47, 0xdd0e0e31]);
    // Bytes 0 to 14.
    hash.digest(Uint32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c));
    expect([hash.high, hash.low]).toEqual([0xa129ca61, 0x49be45e5]);
  });

  it('depends on the key', () => {
    const [one, other] = [new SipHash(key), new SipHash(Uint32Array.of(1, 2, 3, 4))];
    one.digest(Uint32Array.of(7, 0));
    other.digest(Uint32Array.of(7, 0));
    expect(one.low).not.toBe(other.low);
  });
});
