import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  agoText,
  bytesText,
  exactBytes,
  percentText,
  rateText,
  spanText,
  timeText,
} from './quantities.js';

describe('bytesText', () => {
  it('shows three digits in the unit that fits', () => {
    const shown = [0, 7, 999, 1000, 1234, 12_345, 123_456, 999_499, 999_500, 4_210_000_000, -1500];
    expect(shown.map(bytesText)).toEqual([
      '0 B',
      '7 B',
      '999 B',
      '1.00 kB',
      '1.23 kB',
      '12.3 kB',
      '123 kB',
      '999 kB',
      '1.00 MB',
      '4.21 GB',
      '−1.50 kB',
    ]);
  });

  it('never needs more than three digits below a thousand petabytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        expect(bytesText(bytes).replaceAll(/\D/g, '').length).toBeLessThanOrEqual(3);
      }),
    );
  });
});

describe('percentText', () => {
  it('is 100 % only for what is whole and 0 % only for nothing', () => {
    expect([0, 0.00001, 0.5, 0.934, 0.99999, 1].map(percentText)).toEqual([
      '0 %',
      '0.1 %',
      '50.0 %',
      '93.4 %',
      '99.9 %',
      '100 %',
    ]);
  });
});

describe('other quantities', () => {
  it('groups the digits of exact byte counts', () => {
    expect([0, 999, 1000, 1_234_567, -1000].map(exactBytes)).toEqual([
      '0 B',
      '999 B',
      '1 000 B',
      '1 234 567 B',
      '−1 000 B',
    ]);
  });

  it('shows no rate as a dash', () => {
    expect([0, 1500].map(rateText)).toEqual(['–', '1.50 kB/s']);
  });

  it('says how long ago in one unit', () => {
    const ago = [1, 12, 180, 7200, 200_000].map((seconds) => agoText(0, seconds * 1000));
    expect(ago).toEqual(['now', '12 s ago', '3 min ago', '2 h ago', '2 d ago']);
  });

  it('writes times from the largest part to the smallest', () => {
    expect(timeText(new Date(2026, 10, 2, 4, 5, 9).getTime())).toBe('2026-11-02 04:05:09');
  });
});

describe('spans of time', () => {
  it('are told in the units that matter', () => {
    const spans = [-5, 400, 59_999, 125_000, 11_400_000, 183_600_000].map(spanText);
    expect(spans).toEqual(['0.0 s', '0.4 s', '59 s', '2 min 5 s', '3 h 10 min', '2 d 3 h']);
  });
});
