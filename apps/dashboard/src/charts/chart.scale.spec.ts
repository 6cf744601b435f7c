import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { columnsOf, niceTicks, stack, timeTicks } from './chart.scale.js';

const HOUR = 3_600_000;

describe('niceTicks', () => {
  it('covers the largest value in round steps', () => {
    expect(niceTicks(87, 4)).toEqual([0, 50, 100]);
    expect(niceTicks(1_234_567, 4)).toEqual([0, 500_000, 1_000_000, 1_500_000]);
    expect(niceTicks(0, 4)).toEqual([0, 1]);
  });

  it('never leaves a value above the last tick, and has few ticks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e15 }), (max) => {
        const ticks = niceTicks(max, 4);
        expect(ticks.at(-1)!).toBeGreaterThanOrEqual(max * (1 - 1e-9));
        expect(ticks.length).toBeLessThanOrEqual(6);
      }),
    );
  });
});

describe('timeTicks', () => {
  it('falls on full hours of the viewer', () => {
    const from = new Date(2026, 10, 22, 3, 20).getTime();
    const ticks = timeTicks(from, from + 24 * HOUR, 8).map((at) => new Date(at));
    expect(ticks.length).toBeGreaterThanOrEqual(7);
    for (const tick of ticks) expect([tick.getHours() % 3, tick.getMinutes()]).toEqual([0, 0]);
  });
});

describe('columnsOf', () => {
  it('loses no byte and leaves quiet times in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ slot: fc.nat(287), a: fc.nat(1e9), b: fc.nat(1e9) })),
        fc.integer({ min: 1, max: 300 }),
        (found, most) => {
          const fromMs = 1000 * HOUR;
          const points = found.map(({ slot, a, b }) => ({
            at: fromMs + slot * 300_000,
            values: [a, b],
          }));
          const range = { fromMs, toMs: fromMs + 24 * HOUR, stepMs: 300_000, most };
          const columns = columnsOf(points, 2, range);
          expect(columns.length).toBeLessThanOrEqual(most + 1);
          for (const kind of [0, 1]) {
            const sum = (lists: readonly { readonly values: readonly number[] }[]) =>
              lists.reduce((total, each) => total + each.values[kind]!, 0);
            expect(sum(columns)).toBe(sum(points));
          }
          for (const [index, column] of columns.slice(1).entries()) {
            expect(column.fromMs).toBe(columns[index]!.toMs);
          }
        },
      ),
    );
  });
});

describe('stack', () => {
  it('lays the kinds on each other from the bottom', () => {
    expect(stack([10, 0, 30], 100, 200)).toEqual([
      { kind: 0, y: 180, height: 20 },
      { kind: 2, y: 120, height: 60 },
    ]);
  });
});
