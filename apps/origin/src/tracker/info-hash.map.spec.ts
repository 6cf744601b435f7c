import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { InfoHashMap } from './info-hash.map.js';

/** Few heads, so that many hashes share one. */
const hash = fc
  .tuple(fc.nat(1), fc.nat(2))
  .map(([first, last]) => Uint8Array.from({ length: 20 }, (_, at) => (at === 19 ? last : first)));

describe('InfoHashMap', () => {
  it('does what a map by text does', () => {
    const step = fc.record({ hash, value: fc.option(fc.nat()) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const map = new InfoHashMap<number>();
        const model = new Map<string, number>();
        for (const { hash: key, value } of steps) {
          const text = Buffer.from(key).toString('hex');
          if (value === null) {
            map.delete(key);
            model.delete(text);
          } else {
            map.set(key, value);
            model.set(text, value);
          }
          for (const { hash: each } of steps) {
            expect(map.get(each)).toBe(model.get(Buffer.from(each).toString('hex')));
          }
        }
      }),
    );
  });
});
