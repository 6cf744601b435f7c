import fc from 'fast-check';
import { expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { bdecode, bdecodePrefix } from './bencode.decoder.js';
import { bencode } from './bencode.encoder.js';
import type { BencodeInput } from './bencode.types.js';

const { value } = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.string({ unit: 'binary-ascii', maxLength: 5 }), tie('value')), {
        maxLength: 4,
      })
      .map((pairs) => new Map(pairs)),
  ),
}));

const edits = fc.array(
  fc.record({
    at: fc.nat(),
    cut: fc.nat(3),
    put: fc.string({ unit: fc.constantFrom(...'d l i e 0 1 2 5 9 : -'.split(' ')), maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What a decoder makes of bytes; undefined when it refuses them. */
function read<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof FleetseedError && error.code === 'BENCODE_INVALID') return undefined;
    throw error;
  }
}

it('damaged bencode is refused, or is the one way to write what it says', () => {
  fc.assert(
    fc.property(value, edits, (original, list) => {
      let bytes = bencode(original);
      for (const { at, cut, put } of list) {
        const from = at % (bytes.length + 1);
        const tail = bytes.subarray(Math.min(bytes.length, from + cut));
        bytes = Buffer.concat([bytes.subarray(0, from), Buffer.from(put), tail]);
      }
      const strict = read(() => bdecode(bytes, { strictOrder: true }));
      expect(strict === undefined || bencode(strict).equals(bytes)).toBe(true);
      const prefix = read(() => bdecodePrefix(bytes));
      if (prefix === undefined) return;
      expect(prefix.consumed).toBeLessThanOrEqual(bytes.length);
      const again = read(() => bdecode(bytes.subarray(0, prefix.consumed)));
      expect(again).toEqual(prefix.value);
    }),
  );
});

it('takes no more than its limits, whatever comes', () => {
  const limits = { maxBytes: 200, maxDepth: 3, maxItems: 20 };
  const depthOf = (item: unknown): number => {
    if (item instanceof Map) return 1 + Math.max(0, ...[...item.values()].map(depthOf));
    return Array.isArray(item) ? 1 + Math.max(0, ...item.map(depthOf)) : 0;
  };
  fc.assert(
    fc.property(value, (original) => {
      const decoded = read(() => bdecode(bencode(original), limits));
      expect(decoded === undefined ? 0 : depthOf(decoded)).toBeLessThanOrEqual(limits.maxDepth);
    }),
  );
});
