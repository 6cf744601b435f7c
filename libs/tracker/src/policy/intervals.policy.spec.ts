import { describe, expect, it } from 'vitest';

import { DEFAULT_INTERVALS, timingOf } from './intervals.policy.js';

describe('timingOf', () => {
  it('spreads intervals around their base', () => {
    const interval = (random: number) =>
      timingOf('member', 'complete', () => random, DEFAULT_INTERVALS).interval;
    expect([interval(0), interval(0.5), interval(0.999)]).toEqual([576, 720, 864]);
  });

  it('lets members that download come every few seconds, and others seldom', () => {
    const interval = (...peer: ['member' | 'stranger', 'downloading' | 'complete' | 'paused']) =>
      timingOf(...peer, () => 0.5).interval;
    expect([
      interval('member', 'downloading'),
      interval('stranger', 'downloading'),
      interval('member', 'paused'),
      interval('stranger', 'complete'),
    ]).toEqual([5, 60, 720, 720]);
  });

  it('never lets a record die before two late announces', () => {
    for (const kind of ['member', 'stranger', 'origin'] as const) {
      for (const state of ['downloading', 'complete', 'paused'] as const) {
        const { interval, minInterval, lifetimeMs } = timingOf(kind, state, () => 0.999);
        expect(lifetimeMs).toBeGreaterThanOrEqual(2000 * interval);
        expect(minInterval).toBeLessThanOrEqual(interval);
        expect(minInterval).toBeGreaterThanOrEqual(1);
      }
    }
  });

  it('outlasts stock clients, which come every five minutes at most', () => {
    expect(timingOf('stranger', 'downloading', () => 0).lifetimeMs).toBeGreaterThan(15 * 60_000);
  });
});
