import { describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { WebSeedBudget } from './web-seed.budget.js';

describe('WebSeedBudget', () => {
  it('admits so many answers at a time and no more', () => {
    const budget = new WebSeedBudget({ maxConcurrent: 1, bytesPerSecond: 0 }, new VirtualClock());
    const first = budget.admit(10);
    expect(budget.admit(10)).toEqual({ retryAfterSeconds: 2 });
    if ('release' in first) {
      first.release();
      first.release();
    }
    expect(budget.running).toBe(0);
    expect(budget.admit(10)).toHaveProperty('release');
  });

  it('says when the debt of what was sent will be paid', () => {
    const clock = new VirtualClock();
    const budget = new WebSeedBudget({ maxConcurrent: 10, bytesPerSecond: 100 }, clock);
    expect(budget.admit(350)).toHaveProperty('release');
    expect(budget.admit(1)).toEqual({ retryAfterSeconds: 3 });
    clock.advance(2600);
    expect(budget.admit(1)).toHaveProperty('release');
  });

  it('does not save up more than a second of its rate', () => {
    const clock = new VirtualClock();
    const budget = new WebSeedBudget({ maxConcurrent: 10, bytesPerSecond: 100 }, clock);
    clock.advance(3_600_000);
    expect(budget.admit(200)).toHaveProperty('release');
    expect(budget.admit(1)).toEqual({ retryAfterSeconds: 1 });
  });
});
