import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { IdentityClaim, IdentityClaims } from './identity-claims.js';

const ALIVE = ['r1', 'r2'];

/** What {@link IdentityClaims} promises. @param open claims that take the time from `clock` */
export function describeIdentityClaims(
  name: string,
  open: (clock: { readonly now: number }) => Promise<IdentityClaims>,
): void {
  describe(`${name} as IdentityClaims`, () => {
    const clock = { now: 0 };
    let claims: IdentityClaims;
    beforeEach(async () => {
      clock.now = 1_000_000;
      claims = await open(clock);
    });
    afterEach(() => claims.close());

    const claim = (instance: string, change: Partial<IdentityClaim> = {}) =>
      claims.claim({ target: 't', instance, replica: 'r1', stream: null, alive: ALIVE, ...change });

    it('gives a free identity to one of those who claim it', async () => {
      const given = await Promise.all(['a', 'b', 'c', 'd'].map((instance) => claim(instance)));
      expect(given.filter(Boolean)).toHaveLength(1);
      expect(await claim('a', { target: 'u' })).toBe(true);
    });

    it('holds it for 15 s after a request, for others and not for the instance itself', async () => {
      await claim('one');
      clock.now += 14_999;
      expect(await claim('two', { replica: 'r2' })).toBe(false);
      expect(await claim('one', { replica: 'r2' })).toBe(true);
      clock.now += 14_999;
      expect(await claim('two')).toBe(false);
      clock.now += 1;
      expect(await claim('two')).toBe(true);
      expect(await claim('one')).toBe(false);
    });

    it('holds it while a stream is open somewhere, and is free when the last one closes', async () => {
      await claim('one', { stream: 'open', replica: 'r1' });
      await claim('one', { stream: 'open', replica: 'r2' });
      clock.now += 20_000;
      expect(await claim('two')).toBe(false);
      await claim('one', { stream: 'closed', replica: 'r1' });
      expect(await claim('two')).toBe(false);
      await claim('one', { stream: 'closed', replica: 'r2' });
      expect(await claim('two')).toBe(true);
    });

    it('is free at once when the only stream closes right after a request', async () => {
      await claim('one', { stream: 'open' });
      await claim('one');
      await claim('one', { stream: 'closed' });
      expect(await claim('two')).toBe(true);
    });

    it('does not count streams of a replica that died, nor those that nobody confirms', async () => {
      await claim('one', { stream: 'open', replica: 'r2' });
      clock.now += 15_000;
      expect(await claim('two')).toBe(false);
      expect(await claim('two', { alive: ['r1'] })).toBe(true);
      await claim('two', { stream: 'open' });
      clock.now += 39_999;
      expect(await claim('three')).toBe(false);
      clock.now += 1;
      expect(await claim('three')).toBe(true);
    });

    it('is not disturbed by the late end of a stream of one that lost it', async () => {
      await claim('one', { stream: 'open' });
      clock.now += 60_000;
      expect(await claim('two', { stream: 'open' })).toBe(true);
      expect(await claim('one', { stream: 'closed' })).toBe(false);
      clock.now += 30_000;
      expect(await claim('three')).toBe(false);
    });
  });
}
