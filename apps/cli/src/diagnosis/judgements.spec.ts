import { describe, expect, it } from 'vitest';

import { judgeSpace } from './disk-check.js';
import { judgeSkew } from './origin-checks.js';

describe('the judgement of a clock', () => {
  it('forgives what a header cannot tell, warns, and fails beyond a challenge', () => {
    expect([2_000, -5_000, 20_000, -3_600_000].map((skew) => judgeSkew(skew).state)).toEqual([
      'ok',
      'ok',
      'warning',
      'failed',
    ]);
    expect(judgeSkew(-3_600_000).detail).toBe("is 1 h 00 min behind the origin's");
  });
});

describe('the judgement of a disk', () => {
  it('warns when little is left, in bytes or as a share', () => {
    const gib = 1024 ** 3;
    expect(judgeSpace('/x', 50 * gib, 100 * gib)).toEqual({
      check: 'disk',
      state: 'ok',
      detail: '50.0 GiB free (50 %) at /x',
    });
    expect(judgeSpace('/x', gib / 2, gib).state).toBe('warning');
    expect(judgeSpace('/x', 40 * gib, 1000 * gib).state).toBe('warning');
  });
});
