import { describe, expect, it } from 'vitest';

import { RateSetting, parseRate } from './rates.js';

describe('rates', () => {
  it('are read as people write them', () => {
    const given = ['10MB/s', '10 mb', '512KiB/s', '80Mbit/s', '1.5M', '100k', '2048', '1 GBps'];
    expect(given.map(parseRate)).toEqual([
      10_000_000, 10_000_000, 524_288, 10_000_000, 1_500_000, 100_000, 2048, 1_000_000_000,
    ]);
  });

  it('may be none', () => {
    expect(['off', 'none', '0', 'OFF'].map(parseRate)).toEqual([null, null, null, null]);
    expect(RateSetting.parse(0)).toBeNull();
  });

  it('are refused with what they must be', () => {
    for (const text of ['', 'fast', '-1', '1TB/s', '10MB/h', '0.5', '9e9', '10 M B']) {
      expect(parseRate(text)).toBeUndefined();
    }
    expect(RateSetting.safeParse('fast').error?.issues[0]?.message).toContain('10MB/s');
  });
});
