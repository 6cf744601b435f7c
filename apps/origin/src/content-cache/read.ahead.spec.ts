import { describe, expect, it } from 'vitest';

import { ReadAhead } from './read.ahead.js';

const span = (number: number) => ({ offset: number * 10, length: 10 });

describe('reading ahead', () => {
  it('begins with the third span in order, once for each', () => {
    const ahead = new ReadAhead();
    const seen = [0, 0, 1, 1, 2, 2, 3].map((number) => ahead.passed(span(number)));
    expect(seen).toEqual([false, false, false, false, true, false, true]);
  });

  it('knows readers that take turns, and is not misled by who jumps about', () => {
    const ahead = new ReadAhead();
    const seen = [0, 50, 1, 51, 90, 2, 52, 17].map((number) => ahead.passed(span(number)));
    expect(seen).toEqual([false, false, false, false, false, true, true, false]);
    const jumps = [9, 4, 7, 2, 8, 1, 6, 30, 3].map((number) => ahead.passed(span(number)));
    expect(jumps).not.toContain(true);
  });
});
