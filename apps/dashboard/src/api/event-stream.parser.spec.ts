import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EventStreamParser } from './event-stream.parser.js';

function eventsOf(text: string, cuts: readonly number[]): string[] {
  const bytes = new TextEncoder().encode(text);
  const ends = [...cuts.map((each) => each % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  const parser = new EventStreamParser();
  let at = 0;
  return ends.flatMap((end) => parser.push(bytes.subarray(at, (at = end))));
}

describe('EventStreamParser', () => {
  it('finds the same events however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('\n', '\r\n'),
        fc.array(fc.nat(300), { maxLength: 12 }),
        (end, cuts) => {
          const lines = [
            ': ping',
            '',
            'id: 1',
            'data: {"a":"ä✓"}',
            '',
            'data: two',
            'data:lines',
            '',
          ];
          const text = [...lines, 'event: x', 'data: cut off'].join(end);
          expect(eventsOf(text, cuts)).toEqual(['{"a":"ä✓"}', 'two\nlines']);
        },
      ),
    );
  });

  it('refuses a line without an end', () => {
    const parser = new EventStreamParser();
    const chunk = new Uint8Array(1024 * 1024).fill(0x61);
    expect(() => {
      for (let each = 0; each < 5; each++) parser.push(chunk);
    }).toThrow(RangeError);
  });
});
