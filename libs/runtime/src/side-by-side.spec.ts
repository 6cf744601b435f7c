import { describe, expect, it } from 'vitest';

import { sideBySide } from './side-by-side.js';

describe('sideBySide', () => {
  it('does every item once, no more at a time than it may', async () => {
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await sideBySide(Array.from({ length: 50 }).keys(), 4, async (item) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done.push(item);
    });
    expect(done.sort((a, b) => a - b)).toEqual([...Array.from({ length: 50 }).keys()]);
    expect(most).toBe(4);
  });

  it('throws the first failure when what was under way has ended, and begins nothing more', async () => {
    const ended: number[] = [];
    const run = sideBySide([0, 1, 2, 3, 4], 2, async (item) => {
      if (item === 0) throw new Error('first');
      await new Promise(setImmediate);
      ended.push(item);
    });
    await expect(run).rejects.toThrow('first');
    expect(ended).toEqual([1]);
  });
});
