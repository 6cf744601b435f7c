import { describe, expect, it } from 'vitest';

import { pieceMapHex } from './swarms.js';

describe('pieceMapHex', () => {
  it('always has 64 buckets, each from nothing to all', () => {
    expect(pieceMapHex([0, 0.5])).toBe(`00${'80'.repeat(63)}`);
    expect(pieceMapHex([])).toBe('ff'.repeat(64));
    expect(pieceMapHex([-1, 2]).slice(0, 4)).toBe('00ff');
  });
});
