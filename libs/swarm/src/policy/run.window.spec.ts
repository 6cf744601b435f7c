import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { PickerPeer } from './picker.peer.js';
import { layoutOf } from './policy.fixture.js';
import { RunHoldings } from './run.holdings.js';
import { RunWindow, windowCapacity } from './run.window.js';
import { SpanPicker } from './span.picker.js';
import { SpanTable } from './span.table.js';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('RunWindow', () => {
  it('begins with the runs that there is room for, and moves with the reader, run by run', () => {
    const layout = layoutOf([10 * MIB], MIB);
    const window = new RunWindow(layout, { begin: 0, end: 10 * MIB, capacity: 4 * MIB });
    expect([window.firstRun, window.endRun]).toEqual([0, 4]);
    expect(window.moveTo(MIB - 1)).toEqual({ first: 0, count: 0 });
    expect(window.moveTo(2 * MIB + 1)).toEqual({ first: 0, count: 2 });
    expect([window.firstRun, window.endRun, window.base]).toEqual([2, 6, 2 * MIB]);
    expect(window.moveTo(10 * MIB)).toEqual({ first: 2, count: 8 });
    expect([window.firstRun, window.endRun]).toEqual([10, 10]);
  });

  it('keeps to the range that is read', () => {
    const layout = layoutOf([3 * MIB, 5 * MIB, 2 * MIB], MIB);
    const window = new RunWindow(layout, { begin: 3 * MIB, end: 8 * MIB, capacity: 16 * MIB });
    expect([window.firstRun, window.endRun]).toEqual([3, 8]);
    expect(() => window.moveTo(8 * MIB + 1)).toThrow(RangeError);
    expect(() => window.moveTo(0)).toThrow(RangeError);
  });

  it('has room for two of the longest runs', () => {
    expect(windowCapacity(layoutOf([64 * MIB], 64 * KIB))).toBe(16 * MIB);
    expect(windowCapacity(layoutOf([64 * MIB], 16 * MIB))).toBe(32 * MIB);
  });

  it('never holds more than its capacity, and always the run that the reader is in', () => {
    const files = fc.array(fc.integer({ min: 1, max: 5 * MIB }), { minLength: 1, maxLength: 8 });
    const property = fc.property(files, fc.integer(), (lengths, seed) => {
      const layout = layoutOf(lengths, 2 * MIB);
      const random = seededRandom(seed);
      const { length } = layout;
      const capacity = 4 * MIB;
      const window = new RunWindow(layout, { begin: 0, end: length, capacity });
      const offset = (run: number) => (run < layout.runCount ? layout.offsetOfRun(run) : length);
      while (window.position < length) {
        expect(window.base).toBeLessThanOrEqual(window.position);
        expect(offset(window.endRun)).toBeGreaterThan(window.position);
        expect(offset(window.endRun) - window.base).toBeLessThanOrEqual(capacity);
        expect(window.urgentEnd).toBeGreaterThan(window.firstRun);
        expect(window.urgentEnd).toBeLessThanOrEqual(window.endRun);
        const ready = offset(window.endRun) - window.position;
        window.moveTo(window.position + 1 + Math.floor(random() * ready));
      }
    });
    fc.assert(property, { numRuns: 60 });
  });
});

/** A picker whose window holds 8 of 32 runs of 64 KiB, the first 2 of them urgent. */
function windowed(seed = 1) {
  const layout = layoutOf([32 * 64 * KIB], 64 * KIB);
  const options = { begin: 0, end: layout.length, capacity: 8 * 64 * KIB, urgentBytes: 100 * KIB };
  const window = new RunWindow(layout, options);
  const table = new SpanTable(layout, new Bitfield(32));
  const picker = new SpanPicker(table, seededRandom(seed), window);
  const peer = (have: Bitfield) => {
    const added = new PickerPeer(new RunHoldings(layout, have, null));
    picker.addPeer(added);
    return added;
  };
  return { layout, window, picker, peer };
}

describe('SpanPicker with a window', () => {
  it('asks for what is urgent in order, then for the rest of the window, and for nothing else', () => {
    const { picker, peer } = windowed();
    const seed = peer(Bitfield.full(32));
    const asked = Array.from({ length: 9 }, () => picker.request(seed, 0));
    expect(asked.slice(0, 2)).toEqual([0, 1]);
    expect(asked.slice(2, 8).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(asked[8]).toBe(-1);
    expect(seed.interesting).toBe(0);
  });

  it('asks for the rarest behind what is urgent', () => {
    const { picker, peer } = windowed();
    const seed = peer(Bitfield.full(32));
    const common = Bitfield.full(32);
    common.clear(5);
    peer(common);
    peer(common);
    expect(Array.from({ length: 3 }, () => picker.request(seed, 0))).toEqual([0, 1, 5]);
  });

  it('goes on as the reader does', () => {
    const { window, picker, peer } = windowed();
    const seed = peer(Bitfield.full(32));
    for (let span = picker.request(seed, 0); span >= 0; span = picker.request(seed, 0)) {
      picker.received(span, seed);
      picker.verified(span);
    }
    expect(picker.endGame).toBe(true);
    window.moveTo(3 * 64 * KIB);
    picker.windowMoved();
    expect(seed.interesting).toBe(3);
    const next = Array.from({ length: 4 }, () => picker.request(seed, 0));
    expect(next.toSorted((a, b) => a - b)).toEqual([-1, 8, 9, 10]);
  });

  it('reaches the end, whatever comes first', () => {
    const { window, picker, peer } = windowed(3);
    const seed = peer(Bitfield.full(32));
    const random = seededRandom(9);
    const flying: number[] = [];
    const verified = new Set<number>();
    for (let step = 0; step < 1000 && !picker.done; step++) {
      const span = picker.request(seed, 0);
      if (span >= 0) flying.push(span);
      if (flying.length > 3 || span < 0) {
        const [arrived] = flying.splice(Math.floor(random() * flying.length), 1);
        picker.received(arrived!, seed);
        picker.verified(arrived!);
        verified.add(arrived!);
      }
      while (verified.has(window.firstRun)) window.moveTo(window.base + 64 * KIB);
      picker.windowMoved();
    }
    expect(picker.done).toBe(true);
    expect(window.position).toBe(32 * 64 * KIB);
  });
});
