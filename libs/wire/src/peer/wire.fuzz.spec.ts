import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { damage } from '../damage.fixture.js';
import { isOursOrNone, thrownBy } from './garbage.fixture.js';
import { HandshakeReader, encodeHandshake } from './handshake.codec.js';
import { SPAN_ID, anySent, bytesOf } from './message.arbitrary.fixture.js';
import { RecordingSink } from './recording-sink.fixture.js';
import { WireDecoder } from './wire.decoder.js';

const LIMITS = { maxMessageBytes: 4096, maxBlockBytes: 2048 };

const streams = fc
  .tuple(fc.array(anySent, { maxLength: 20 }), damage)
  .map(([sent, damaged]) => damaged(Buffer.concat(sent.map(({ bytes }) => bytes))));
const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 });

/** Wants extensions of some ids only, as a peer does that advertised those. */
class PickySink extends RecordingSink {
  wants(_messageId: number, extensionId: number): boolean {
    return extensionId % 2 === 1;
  }
}

function decoded(stream: Buffer, cuts: readonly number[], sink: RecordingSink) {
  const decoder = new WireDecoder(sink, LIMITS);
  decoder.spanExtensionId = SPAN_ID;
  const thrown = thrownBy(() => {
    let at = 0;
    for (let turn = 0; at < stream.length; turn++) {
      const end = Math.min(stream.length, at + cuts[turn % cuts.length]!);
      decoder.push(Uint8Array.from(stream.subarray(at, end)));
      at = end;
    }
  });
  return { events: sink.events, thrown, largest: sink.largest };
}

describe('a damaged stream', () => {
  it('is an error of the peer or none, and takes no more memory than is allowed', () => {
    fc.assert(
      fc.property(streams, sizes, (stream, cuts) => {
        const { thrown, largest } = decoded(stream, cuts, new RecordingSink());
        expect(thrown).toSatisfy((error) => isOursOrNone(error, 'WIRE_INVALID'));
        expect(largest).toBeLessThanOrEqual(LIMITS.maxBlockBytes);
      }),
    );
  });

  it('means the same however it is split, up to the error', () => {
    fc.assert(
      fc.property(streams, sizes, (stream, cuts) => {
        const whole = decoded(stream, [stream.length || 1], new RecordingSink());
        const split = decoded(stream, cuts, new RecordingSink());
        expect(split.events).toEqual(whole.events);
        expect(String(split.thrown)).toBe(String(whole.thrown));
      }),
    );
  });

  it('means the same to who wants a part of it, but for that part', () => {
    fc.assert(
      fc.property(streams, sizes, (stream, cuts) => {
        const all = decoded(stream, cuts, new RecordingSink());
        const picky = decoded(stream, cuts, new PickySink());
        // Of what nobody wants it is not even seen whether it is well-formed.
        if (all.thrown !== undefined || picky.thrown !== undefined) return;
        const wanted = all.events.map((event) => {
          if (!('type' in event)) return event;
          if (event.type === 'hashes') return { type: 'unknown', id: 22 };
          const unwanted = event.type === 'extended' && event.id % 2 === 0;
          // One byte of payload takes no memory to speak of, and is kept.
          return unwanted && event.payload.length > 0 ? { type: 'unknown', id: 20 } : event;
        });
        expect(picky.events).toEqual(wanted);
      }),
    );
  });
});

describe('a damaged handshake', () => {
  const handshake = encodeHandshake({
    infoHash: Buffer.alloc(20, 1),
    peerId: Buffer.alloc(20, 2),
    fast: true,
    extensions: true,
    v2Upgrade: false,
  });

  it('is refused, or read with what it says, and never more than its 68 bytes', () => {
    fc.assert(
      fc.property(damage, bytesOf(0, 80), sizes, (damaged, tail, cuts) => {
        const stream = Buffer.concat([damaged(handshake), tail]);
        const reader = new HandshakeReader();
        let end = 68;
        const thrown = thrownBy(() => {
          let read = null;
          for (let at = 0, turn = 0; at < stream.length && !read; turn++) {
            const to = Math.min(stream.length, at + cuts[turn % cuts.length]!);
            read = reader.push(stream.subarray(at, to));
            if (read) end = at + read.consumed;
            at = to;
          }
        });
        expect(end).toBe(68);
        expect(thrown).toSatisfy((error) => isOursOrNone(error, 'WIRE_INVALID'));
      }),
    );
  });
});
