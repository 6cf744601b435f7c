import { describe, expect, it, vi } from 'vitest';

import { simulate, type Outcome } from './outcome.js';
import { DISTURBED, EQUAL_LINKS, ZONES, type Scenario } from './scenario.js';

/** Four zones, and machines that are slow or die. */
const ALL_AT_ONCE: Scenario = { ...ZONES, slow: DISTURBED.slow, dead: DISTURBED.dead };

// It is work for a processor that others may want, too.
vi.setConfig({ testTimeout: 120_000 });

/** What holds in every swarm, whatever happens in it. */
function expectSound(outcome: Outcome): void {
  expect(outcome.starved).toBe(0);
  expect(outcome.last).toBeGreaterThanOrEqual(1);
  expect(outcome.originCopies).toBeGreaterThanOrEqual(1);
  expect(outcome.originCopies).toBeLessThanOrEqual(1.1);
  expect(outcome.originNeighbours).toBeLessThanOrEqual(64);
  expect(outcome.zoneSpread).toBeLessThanOrEqual(1.3);
  expect(outcome.wasted).toBeLessThan(0.01);
}

// In virtual time: the figures are the same on every machine, however busy.
describe('the policies together, on equal links', () => {
  it.each([
    { hosts: 16, seed: 1, most: 1.12 },
    { hosts: 40, seed: 2, most: 1.12 },
    { hosts: 160, seed: 1, most: 1.15, parts: 4 },
  ])('bring the last of $hosts machines to $most times the bound, seed $seed', (change) => {
    const { most, ...scenario } = change;
    const outcome = simulate({ ...EQUAL_LINKS, ...scenario });
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(most);
  });

  it('do not depend on quick answers', () => {
    const outcome = simulate({ ...EQUAL_LINKS, delayMs: 40 });
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(1.15);
  });

  it('give a machine without neighbours everything from the origin', () => {
    const outcome = simulate({ ...EQUAL_LINKS, hosts: 1, runs: 128 });
    expect(outcome.last).toBeLessThan(1.1);
    expect(outcome.originCopies).toBe(1);
  });
});

describe('the policies together, when three replicas of the origin divide first copies', () => {
  const three: Scenario = { ...EQUAL_LINKS, origins: 3 };

  it.each([
    { hosts: 40, seed: 1 },
    { hosts: 40, seed: 2 },
    // More machines than one origin takes as neighbours.
    { hosts: 160, seed: 1, parts: 4 },
  ])('send $hosts machines no more than one alone, seed $seed', (change) => {
    const outcome = simulate({ ...three, ...change });
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(1.12);
    for (const copies of outcome.eachOrigin) {
      expect(copies).toBeGreaterThan(0.2);
      expect(copies).toBeLessThan(0.5);
    }
  });

  it.each([
    ['the others are told', 7000],
    ['nobody tells the others', null],
  ])('go on when one of them dies and %s', (_name, knownMs) => {
    const outcome = simulate({ ...three, originDies: { after: 0.3, knownMs } });
    expect(outcome.starved).toBe(0);
    expect(outcome.last).toBeLessThanOrEqual(1.15);
    expect(outcome.originCopies).toBeLessThanOrEqual(1.15);
    const [dead, ...others] = outcome.eachOrigin;
    expect(Math.min(...others)).toBeGreaterThan(dead!);
  });
});

describe('the policies together, in four zones with narrow links between them', () => {
  // Who knows nothing of zones sends three quarters of all bytes to others.
  it.each([
    { hosts: 16, most: 1.3, mostAcross: 0.28 },
    { hosts: 40, most: 1.16, mostAcross: 0.13 },
  ])('keep the bytes of $hosts machines in the zones', ({ hosts, most, mostAcross }) => {
    const outcome = simulate({ ...ZONES, hosts, seed: 2 });
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(most);
    expect(outcome.crossShare).toBeLessThan(mostAcross);
  });

  it('do so also where nothing is gained but what the bytes cost, and are hardly later', () => {
    const wide: Scenario = { ...ZONES, zoneShare: 1, hosts: 16 };
    const outcome = simulate(wide);
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(1.12);
    expect(outcome.crossShare).toBeLessThan(0.28);
  });

  it('are of use: who knows nothing of zones is much later', () => {
    const blind = simulate({ ...ZONES, labelled: false });
    const knowing = simulate(ZONES);
    expect(knowing.last).toBeLessThan(0.9 * blind.last);
    expect(knowing.crossShare).toBeLessThan(0.5 * blind.crossShare);
  });
});

describe('the policies together, when some machines are slow and some die', () => {
  it.each([
    ['equal links', { ...DISTURBED, seed: 1 }],
    ['four zones', { ...ALL_AT_ONCE, seed: 1 }],
  ])('let nobody else suffer: %s', (_name, scenario) => {
    const outcome = simulate(scenario);
    expectSound(outcome);
    expect(outcome.last).toBeLessThanOrEqual(1.3);
    expect(outcome.lastSlow).toBeLessThanOrEqual(1.3);
  });
});

it('two simulations of the same seed are the same', () => {
  const scenario = { ...ALL_AT_ONCE, hosts: 20, runs: 64 };
  expect(simulate(scenario)).toEqual(simulate(scenario));
});
