import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_PACK_BYTES, MAX_PACK_FILES, PACKED_BELOW } from '#lib/depot';

import { partBytesFor, partCountOf, partLengthOf, planObjects } from './upload-planner.js';

const MIB = 1024 * 1024;
const rootOf = (index: number) => index.toString(16).padStart(64, '0');
const contentsOf = (lengths: readonly number[]) =>
  lengths.map((length, file) => ({ root: rootOf(file), length, file }));

describe('plan of an upload', () => {
  it('sends large files by themselves and packs small ones', () => {
    const plan = planObjects(contentsOf([10, 3 * MIB, 20, MIB]), new Set(), 65_536);
    expect(plan.map(({ object, bytes, partBytes }) => ({ object, bytes, partBytes }))).toEqual([
      { object: 'f1', bytes: 3 * MIB, partBytes: 8 * MIB },
      { object: 'f3', bytes: MIB, partBytes: 8 * MIB },
      { object: 'p0', bytes: 30, partBytes: 30 },
    ]);
    expect(plan[2]?.entries).toEqual([
      { root: rootOf(0), length: 10 },
      { root: rootOf(2), length: 20 },
    ]);
  });

  it('begins another pack when one has as many files as a pack may have', () => {
    const contents = contentsOf(Array.from({ length: MAX_PACK_FILES + 2 }, () => 3));
    const plan = planObjects(contents, new Set(), 65_536);
    expect(plan.map(({ object, entries }) => [object, entries.length])).toEqual([
      ['p0', MAX_PACK_FILES],
      [`p${MAX_PACK_FILES}`, 2],
    ]);
  });

  it('asks for nothing that is known', () => {
    const contents = contentsOf([10, 3 * MIB]);
    expect(planObjects(contents, new Set([rootOf(0), rootOf(1)]), 65_536)).toEqual([]);
  });

  it('covers exactly what is lacking, in packs that fit the depot', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 3 * MIB }), { maxLength: 100 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 5 }), (given, every) => {
        const contents = contentsOf(given);
        const known = new Set(
          contents.filter(({ file }) => file % every === 0).map(({ root }) => root),
        );
        const plan = planObjects(contents, known, 65_536);
        const sent = plan.flatMap((object) => object.entries.map(({ root }) => root));
        const lacking = contents.map(({ root }) => root).filter((root) => !known.has(root));
        expect(sent.toSorted()).toEqual(lacking.toSorted());
        for (const object of plan) {
          const sum = object.entries.reduce((total, { length }) => total + length, 0);
          expect(sum).toBe(object.bytes);
          const isPack = object.object.startsWith('p');
          expect(object.bytes <= MAX_PACK_BYTES || !isPack).toBe(true);
          expect(object.entries.every(({ length }) => length < PACKED_BELOW)).toBe(isPack);
        }
      }),
    );
  });

  it('cuts parts at pieces, and never too many', () => {
    const lengths = fc.integer({ min: 1, max: 2 ** 46 });
    const pieceLengths = fc.integer({ min: 14, max: 24 }).map((exponent) => 2 ** exponent);
    fc.assert(
      fc.property(lengths, pieceLengths, (bytes, pieceLength) => {
        const partBytes = partBytesFor(bytes, pieceLength);
        const planned = { object: 'f0', bytes, partBytes, entries: [] };
        const count = partCountOf(planned);
        expect(partBytes % pieceLength).toBe(0);
        expect(count).toBeLessThanOrEqual(10_000);
        expect((count - 1) * partBytes + partLengthOf(planned, count - 1)).toBe(bytes);
      }),
    );
    expect(partBytesFor(1024 * MIB, MIB)).toBe(8 * MIB);
    expect(partBytesFor(20 * 1024 * MIB, 16 * MIB)).toBe(32 * MIB);
  });
});
