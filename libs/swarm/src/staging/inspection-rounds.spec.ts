import { describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { InspectionRounds } from './inspection-rounds.js';

/** Lets what was awaited go on, and time pass. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1000) {
    clock.advance(1000);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe('InspectionRounds', () => {
  it('looks at all every few seconds while that is cheap', async () => {
    const clock = new VirtualClock();
    const rounds = new InspectionRounds(clock);
    const looks = [0, 0];
    for (const index of looks.keys()) {
      rounds.add(async () => {
        looks[index]! += 1;
      });
    }
    await pass(clock, 50_000);
    for (const count of looks) expect(count).toBeGreaterThanOrEqual(8);
  });

  it('spends a small share of the time on all together, however many there are', async () => {
    const clock = new VirtualClock();
    const rounds = new InspectionRounds(clock);
    let spentMs = 0;
    for (let artifact = 0; artifact < 20; artifact++) {
      rounds.add(async () => {
        clock.advance(40);
        spentMs += 40;
      });
    }
    await pass(clock, 1_000_000);
    expect(spentMs / clock.monotonic()).toBeLessThan(0.005);
    expect(spentMs).toBeGreaterThan(20 * 40);
  });

  it('does nothing for those that ended', async () => {
    const clock = new VirtualClock();
    const rounds = new InspectionRounds(clock);
    let looks = 0;
    const end = rounds.add(async () => {
      looks++;
    });
    end();
    await pass(clock, 60_000);
    expect(looks).toBe(0);
  });
});
