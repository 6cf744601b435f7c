import { createHmac } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeTrackerKey, encodeTrackerKey, type Sign } from './tracker-key.codec.js';

const signer =
  (secret: string): Sign =>
  (text) =>
    createHmac('sha256', secret).update(text).digest();

const facts = fc.record({
  kind: fc.constantFrom('a' as const, 'u' as const, 'k' as const),
  id: fc.stringMatching(/^[0-9a-f]{16,40}$/),
  artifact: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/)),
  expiresAt: fc.integer({ min: 0, max: 4e9 }).map((seconds) => seconds * 1000),
});

describe('tracker keys', () => {
  it('carry their facts and are safe in a path', () => {
    fc.assert(
      fc.property(facts, (given) => {
        const key = encodeTrackerKey(given, signer('one'));
        expect(decodeTrackerKey(key, signer('one'))).toEqual(given);
        expect(encodeURIComponent(key)).toBe(key);
      }),
    );
  });

  it('of another secret, or changed anywhere, are refused', () => {
    fc.assert(
      fc.property(
        facts,
        fc.nat(),
        fc.constantFrom('a', '9', '.', '_', '-'),
        (given, at, letter) => {
          const key = encodeTrackerKey(given, signer('one'));
          expect(decodeTrackerKey(key, signer('two'))).toBeNull();
          const place = at % key.length;
          fc.pre(key[place] !== letter);
          const changed = decodeTrackerKey(
            key.slice(0, place) + letter + key.slice(place + 1),
            signer('one'),
          );
          // The last letter of base64url has unused bits: such a change may decode to the same key.
          expect(changed === null || place === key.length - 1).toBe(true);
        },
      ),
    );
  });
});
