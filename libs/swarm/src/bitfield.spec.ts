import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Bitfield } from './bitfield.js';

describe('Bitfield', () => {
  it('puts index 0 into the highest bit of the first byte (BEP 3)', () => {
    const field = new Bitfield(10);
    field.set(0);
    field.set(9);
    expect(field.toBuffer()).toEqual(Buffer.of(0x80, 0x40));
  });

  it('refuses a length that is not its own, and spare bits that are set', () => {
    expect(() => Bitfield.fromBuffer(Buffer.alloc(1), 10)).toThrow('has 2 bytes');
    expect(() => Bitfield.fromBuffer(Buffer.alloc(3), 10)).toThrow('has 2 bytes');
    expect(() => Bitfield.fromBuffer(Buffer.of(0, 0x20), 10)).toThrow('spare bit');
    expect(Bitfield.fromBuffer(Buffer.of(0xff, 0xc0), 10).all).toBe(true);
  });

  it('knows nothing outside of its size', () => {
    const field = Bitfield.full(8);
    expect([field.get(8), field.get(-1), field.get(1e9)]).toEqual([false, false, false]);
    expect(() => field.set(8)).toThrow(RangeError);
    expect(() => field.setRange(4, 5)).toThrow(RangeError);
    expect(field.hasRange(0, 9)).toBe(false);
  });

  it('counts what another one lacks, as far as it is to be counted', () => {
    const sets = fc.tuple(fc.array(fc.nat(99)), fc.array(fc.nat(99)), fc.nat(60));
    fc.assert(
      fc.property(sets, ([ours, theirs, most]) => {
        const [mine, other] = [ours, theirs].map((indices) => {
          const field = new Bitfield(100);
          for (const index of indices) field.set(index);
          return field;
        });
        const outside = new Set(ours.filter((index) => !theirs.includes(index))).size;
        expect(mine!.countOutside(other!, most)).toBe(Math.min(outside, most));
      }),
    );
  });

  it('is a set of integers, whatever is done to it', () => {
    const step = fc.record({
      kind: fc.constantFrom('set', 'clear', 'range'),
      first: fc.nat(99),
      count: fc.nat(99),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step), (size, steps) => {
        const field = new Bitfield(size);
        const model = new Set<number>();
        for (const { kind, first, count } of steps) {
          const at = first % size;
          const many = kind === 'range' ? Math.max(1, Math.min(count, size - at)) : 1;
          if (kind === 'range') field.setRange(at, many);
          const changed = kind === 'clear' ? field.clear(at) : field.set(at);
          const had = model.has(at) || kind === 'range';
          for (let index = at; index < at + many; index++) {
            if (kind === 'clear') model.delete(index);
            else model.add(index);
          }
          expect(changed).toBe(kind === 'clear' ? had : kind === 'set' && !had);
          expect(field.hasRange(at, many)).toBe(kind !== 'clear');
        }
        const members = [...model].sort((a, b) => a - b);
        expect([...field.indices()]).toEqual(members);
        expect([...field.missing()].length).toBe(size - members.length);
        expect([...field.ranges()].flatMap(({ first, count }) => spread(first, count))).toEqual(
          members,
        );
        expect(field.count).toBe(members.length);
        expect(field.none).toBe(members.length === 0);
        const copy = Bitfield.fromBuffer(field.toBuffer(), size);
        expect(copy.count).toBe(field.count);
        expect(copy.toBuffer()).toEqual(field.clone().toBuffer());
      }),
    );
  });
});

function spread(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
