import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RateLimiter } from './rate.limiter.js';

const KB = 1000;
const MB = 1000 * KB;

/**
 * What somebody has moved by each millisecond, who sleeps until there is a grant, wakes late, and moves
 * at most `largest` bytes at once.
 */
function movedBy(
  limiter: RateLimiter,
  untilMs: number,
  late: readonly number[],
  largest: number,
): Float64Array {
  const moved = new Float64Array(untilMs + 1);
  let sum = 0;
  let wakeAt = 0;
  for (let now = 0; now <= untilMs; now++) {
    while (now >= wakeAt) {
      const bytes = Math.min(limiter.grant(now), Math.max(512, Math.floor(largest)));
      limiter.spend(bytes, now);
      sum += bytes;
      if (bytes === 0) wakeAt = now + Math.ceil(limiter.waitMs(now)) + late[now % late.length]!;
    }
    moved[now] = sum;
  }
  return moved;
}

describe('RateLimiter', () => {
  it('lets through within 5 % of its rate in every window of two seconds, at all rates', () => {
    const oversleeping = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 50 });
    const rates = fc.integer({ min: 30 * KB, max: 1000 * MB });
    const sizes = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(rates, oversleeping, sizes, (rate, late, size) => {
        const moved = movedBy(new RateLimiter(rate, 0), 6000, late, (rate * size) / 10);
        for (let from = 1000; from + 2000 <= 6000; from += 50) {
          const share = (moved[from + 2000]! - moved[from]!) / (2 * rate);
          expect(share).toBeLessThanOrEqual(1.05);
          expect(share).toBeGreaterThanOrEqual(0.95);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('never lets more through than time and one burst earn, after whatever idling', () => {
    const limiter = new RateLimiter(100 * KB, 0);
    limiter.spend(limiter.available(0), 0);
    expect(limiter.available(60_000)).toBe(9 * KB);
  });

  it('holds its average when it is overdrawn, and pays the debt back', () => {
    const limiter = new RateLimiter(100 * KB, 0);
    let moved = 0;
    for (let now = 0; now <= 10_000; now += 7) {
      if (limiter.available(now) === 0) continue;
      limiter.spend(30 * KB, now);
      moved += 30 * KB;
    }
    expect(moved / MB).toBeGreaterThan(0.97);
    expect(moved / MB).toBeLessThan(1.05);
  });

  it('tells how long to wait', () => {
    const limiter = new RateLimiter(100 * KB, 0);
    limiter.spend(9 * KB + 1000, 0);
    expect(limiter.grant(0)).toBe(0);
    const ms = limiter.waitMs(0);
    expect(limiter.grant(ms - 1)).toBe(0);
    expect(limiter.grant(ms)).toBe(2 * KB);
    expect(new RateLimiter(null, 0).waitMs(0)).toBe(0);
  });

  it('changes while running, and can be lifted', () => {
    const limiter = new RateLimiter(10 * KB, 0);
    limiter.spend(MB, 0);
    expect(limiter.available(1000)).toBe(0);
    limiter.setRate(null, 1000);
    expect(limiter.available(1000)).toBe(Infinity);
    limiter.setRate(100 * KB, 2000);
    expect(limiter.available(2000)).toBe(9 * KB);
    limiter.setRate(10 * KB, 2000);
    expect(limiter.available(2000)).toBe(900);
    expect(() => limiter.setRate(0, 2000)).toThrow(RangeError);
  });
});
