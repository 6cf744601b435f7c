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
  it('refuses an event without end, and takes many that are long', async () => {
    const piece = Buffer.alloc(1024 * 1024, 0x61);
    async function* endless() {
      yield Buffer.from('data: ');
      for (;;) yield piece;
    }
    await expect(Array.fromAsync(eventsOf(endless()))).rejects.toThrow(RangeError);
    async function* many() {
      for (let event = 0; event < 3; event++) {
        yield Buffer.from('data: ');
        for (let part = 0; part < 8; part++) yield piece;
        yield Buffer.from('\n\n');
      }
    }
    const lengths = [];
    for await (const event of eventsOf(many())) lengths.push(event.length);
    expect(lengths).toEqual([8, 8, 8].map((parts) => parts * piece.length));
  });

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
