import { describe, expect, it } from 'vitest';

import { reasonLines, savedBytes, sourcesOf } from './savings.figures.js';

const LINE = {
  delivered: 1000,
  origin: 220,
  peers: 700,
  reused: 100,
  wasted: 5,
  residual: -10,
  ratio: 0.78,
};

describe('savings figures', () => {
  it('counts every byte the origin sent against what was saved', () => {
    expect(savedBytes(LINE)).toBe(780);
    expect(savedBytes({ ...LINE, origin: 2000 })).toBe(0);
  });

  it('splits what was delivered into parts that add up, the residual shown', () => {
    const parts = sourcesOf(LINE);
    expect(parts.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['origin', 210],
      ['peers', 700],
      ['reused', 100],
      ['residual', -10],
    ]);
    expect(parts.reduce((sum, each) => sum + each.bytes, 0)).toBe(LINE.delivered);
    expect(sourcesOf({ ...LINE, delivered: 0 }).map((each) => each.share)).toEqual([0, 0, 0, 0]);
  });

  it('names reasons, the largest first, and hides none it does not know', () => {
    const lines = reasonLines({ first: 100, newer: 300, stranger: 0 });
    expect(lines.map(({ reason, share }) => [reason, share])).toEqual([
      ['newer', 0.75],
      ['first', 0.25],
      ['stranger', 0],
    ]);
    expect(lines[0]!.text).toBe('newer');
    expect(reasonLines({ first: 0 })[0]!.share).toBe(0);
  });
});
