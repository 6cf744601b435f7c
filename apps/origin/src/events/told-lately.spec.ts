import { describe, expect, it } from 'vitest';

import { ToldLately } from './told-lately.js';

describe('ToldLately', () => {
  it('lets the same thing be told once in a while', () => {
    const told = new ToldLately(1000);
    expect(told.isNews('a', 0)).toBe(true);
    expect(told.isNews('a', 999)).toBe(false);
    expect(told.isNews('b', 999)).toBe(true);
    expect(told.isNews('a', 1000)).toBe(true);
    expect(told.isNews('a', 1999)).toBe(false);
  });

  it('forgets the oldest of very many', () => {
    const told = new ToldLately(1000);
    for (let index = 0; index <= 10_000; index++) told.isNews(`${index}`, 0);
    expect(told.isNews('10000', 1)).toBe(false);
    expect(told.isNews('0', 1)).toBe(true);
  });
});
