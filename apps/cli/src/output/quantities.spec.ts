import { describe, expect, it } from 'vitest';

import { bytesText, durationText, percentText, rateText, timeText } from './quantities.js';

describe('quantities for people', () => {
  it('gives bytes a unit that keeps them short', () => {
    const given = [0, 999, 1000, 1536, 64 * 1024, 10 * 1024 ** 2, 1.5 * 1024 ** 3, -2048];
    expect(given.map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '0.98 KiB',
      '1.50 KiB',
      '64.0 KiB',
      '10.0 MiB',
      '1.50 GiB',
      '-2.00 KiB',
    ]);
  });

  it('gives rates whole bytes', () => {
    expect(rateText(512.7)).toBe('513 B/s');
  });

  it('gives durations two units at most', () => {
    expect([0.4, 59, 65, 3599.9, 12_000, 187_200].map(durationText)).toEqual([
      '0 s',
      '59 s',
      '1 min 05 s',
      '1 h 00 min',
      '3 h 20 min',
      '2 d 4 h',
    ]);
  });

  it('says 100 % only of what is complete', () => {
    expect([0, 0.999, 1, 1.2, -1].map(percentText)).toEqual([
      '0 %',
      '99 %',
      '100 %',
      '100 %',
      '0 %',
    ]);
  });

  it('tells times in UTC', () => {
    expect(timeText(Date.UTC(2026, 10, 22, 9, 32, 1, 250))).toBe('2026-11-22 09:32:01Z');
  });
});
