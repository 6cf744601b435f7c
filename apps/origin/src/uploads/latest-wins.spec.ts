import { describe, expect, it } from 'vitest';

import { LatestWins } from './latest-wins.js';

describe('transfers of one part', () => {
  it('give way to the newest, one after the other', async () => {
    const transfers = new LatestWins();
    const log: string[] = [];
    const hanging = (name: string) => (signal: AbortSignal) =>
      new Promise<string>((_, reject) => {
        log.push(`${name} begins`);
        signal.addEventListener('abort', () => {
          log.push(`${name} ends`);
          reject(signal.reason as Error);
        });
      });
    const first = transfers.run('a', hanging('first'));
    const second = transfers.run('a', hanging('second'));
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    const third = transfers.run('a', async () => 'whole');
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await third).toBe('whole');
    expect(log).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
  });

  it('of different parts do not touch each other, and a failed one does not block the next', async () => {
    const transfers = new LatestWins();
    const failing = transfers.run('a', async () => {
      throw new Error('gone');
    });
    const [other] = await Promise.all([
      transfers.run('b', async () => 'b'),
      failing.catch(() => 0),
    ]);
    expect(other).toBe('b');
    expect(await transfers.run('a', async () => 'again')).toBe('again');
  });
});
