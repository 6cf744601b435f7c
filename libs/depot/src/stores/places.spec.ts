import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { blobKey } from './layout.js';
import { Places, type Place } from './places.js';
import { randomRoot } from './stores.fixture.js';

const root = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const number = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 48 - 1 }));
const entry = fc
  .tuple(root, fc.constantFrom('own', 'packs/a', 'packs/b', 'packs/c'), number, number)
  .map(([of, object, offset, length]): [string, Place] => [
    of,
    { object: object === 'own' ? blobKey(of) : object, offset, length },
  ]);
const entries = fc.uniqueArray(entry, { selector: ([of]) => of, maxLength: 60 });

describe('Places', () => {
  it('gives back every place it was made of, also after encoding', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const places = Places.decode(Places.of(all).encode());
        expect(places.size).toBe(all.length);
        for (const [of, place] of all) expect(places.get(of)).toEqual(place);
        const sorted = all.toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect([...places.entries()]).toEqual(sorted);
        expect(places.objectKeys()).toEqual(new Set(all.map(([, place]) => place.object)));
        expect(places.get(randomRoot())).toBeUndefined();
      }),
    );
  });

  it('is the same bytes whatever the order of files of own blobs', () => {
    const all = Array.from({ length: 20 }, (): [string, Place] => {
      const of = randomRoot();
      return [of, { object: blobKey(of), offset: 0, length: 5 }];
    });
    expect(Places.of(all).encode()).toEqual(Places.of(all.toReversed()).encode());
    expect(Places.of(all).encode()).toHaveLength(20 + 20 * 48);
  });

  it('notices every flipped bit and every cut', () => {
    const packed: [string, Place][] = [1, 2, 3].map((offset) => [
      randomRoot(),
      { object: 'packs/x', offset, length: 1 },
    ]);
    const bytes = Places.of(packed).encode();
    const damage = fc.record({
      at: fc.nat(bytes.length - 1),
      bit: fc.nat(7),
    });
    fc.assert(
      fc.property(damage, ({ at, bit }) => {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 1 << bit;
        expect(() => Places.decode(damaged)).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/DEPOT_(CORRUPT|FORMAT_NEWER)/) }),
        );
        expect(() => Places.decode(bytes.subarray(0, at))).toThrow(
          expect.objectContaining({ code: 'DEPOT_CORRUPT' }),
        );
      }),
    );
  });

  it('refuses a newer format, and numbers and roots that cannot be', () => {
    const newer = Buffer.from(Places.of([]).encode());
    newer.writeUInt16BE(2, 4);
    expect(() => Places.decode(newer)).toThrow(
      expect.objectContaining({ code: 'DEPOT_FORMAT_NEWER' }),
    );
    const invalid = expect.objectContaining({ code: 'REQUEST_INVALID' });
    for (const wrong of [-1, 0.5, 2 ** 48, Number.NaN]) {
      const place = { object: 'packs/x', offset: wrong, length: 1 };
      expect(() => Places.of([[randomRoot(), place]])).toThrow(invalid);
    }
    const place = { object: 'packs/x', offset: 0, length: 1 };
    expect(() => Places.of([['not a root', place]])).toThrow(invalid);
    expect(() => Places.of([[randomRoot(), { ...place, object: 'x'.repeat(256) }]])).toThrow(
      invalid,
    );
  });
});
