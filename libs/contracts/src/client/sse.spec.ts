import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { eventsOf } from './sse.js';

async function* bytesOf(text: string, cuts: number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  )) {
    yield bytes.subarray(at, cut);
    at = cut;
  }
}

describe('eventsOf', () => {
  it('yields the same events however the bytes are cut', async () => {
    const text =
      ': hello\n\ndata: {"a":"ä"}\n\nid: 3\ndata: two\ndata: lines\n\ndata:x\n\ndata: cut off';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 12 }), async (cuts) => {
        const events = await Array.fromAsync(eventsOf(bytesOf(text, cuts)));
        expect(events).toEqual(['{"a":"ä"}', 'two\nlines', 'x']);
      }),
    );
  });
});
