import { describe, expect, it } from 'vitest';

import { simulateSwarm } from './swarm.simulation.fixture.js';

describe('the policies together, on equal links in virtual time', () => {
  it.each([
    { hosts: 16, runs: 512, dials: 10, seed: 1 },
    { hosts: 16, runs: 512, dials: 10, seed: 2 },
    { hosts: 40, runs: 512, dials: 10, seed: 3 },
  ])(
    'brings $hosts hosts near the bound with about one copy of the origin, seed $seed',
    (options) => {
      const result = simulateSwarm(options);
      expect(result.lastOverBound).toBeGreaterThanOrEqual(1);
      expect(result.lastOverBound).toBeLessThan(1.2);
      expect(result.originCopies).toBeGreaterThanOrEqual(1);
      expect(result.originCopies).toBeLessThan(1.1);
      expect(result.wasted).toBeLessThan(0.02);
    },
  );

  it('gives a machine without neighbours everything from the origin', () => {
    const result = simulateSwarm({ hosts: 1, runs: 128, dials: 0, seed: 4 });
    expect(result.lastOverBound).toBeLessThan(1.1);
    expect(result.originCopies).toBe(1);
  });
});
