import { describe, expect, it } from 'vitest';

import { FleetTime } from './fleet.time.js';

describe('FleetTime', () => {
  it('goes with the clock, and never stands or goes back', () => {
    let now = 1000;
    const time = new FleetTime(() => now);
    expect([time.next(), time.next()]).toEqual([1000, 1001]);
    now = 5000;
    expect(time.next()).toBe(5000);
    now = 10;
    expect(time.next()).toBe(5001);
  });

  it('answers what it heard with a later stamp, though its clock is behind', () => {
    const ahead = new FleetTime(() => 3_600_000);
    const behind = new FleetTime(() => 0);
    const stamp = ahead.next();
    behind.heard(stamp);
    expect(behind.next()).toBeGreaterThan(stamp);
  });

  it('does not follow a clock that is mad', () => {
    const time = new FleetTime(() => 0);
    time.heard(Number.MAX_SAFE_INTEGER);
    expect(time.next()).toBe(1);
  });
});
