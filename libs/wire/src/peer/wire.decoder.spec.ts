import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { encodeRunMessage, spanHeader } from '../extension/fs-run.codec.js';
import { isOursOrNone, thrownBy } from './garbage.fixture.js';
import { SPAN_ID, anySent, type Sent } from './message.arbitrary.fixture.js';
import { encodeMessage, extendedMessage, pieceHeader } from './message.encoder.js';
import type { WireLimits } from './message.types.js';
import { RecordingSink } from './recording-sink.fixture.js';
import { WireDecoder } from './wire.decoder.js';

function decoderOf(sink: RecordingSink, limits?: WireLimits): WireDecoder {
  const decoder = new WireDecoder(sink, limits);
  decoder.spanExtensionId = SPAN_ID;
  return decoder;
}

/** Pushes through one buffer that is overwritten each time, as a socket's `onread` buffer is. */
function pushInPieces(decoder: WireDecoder, bytes: Buffer, sizes: readonly number[]): void {
  const shared = Buffer.alloc(bytes.length + 1);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1));
    bytes.copy(shared, 0, at, end);
    decoder.push(shared.subarray(0, end - at));
    shared.fill(0xee);
    at = end;
  }
}

const streamOf = (sent: readonly Sent[]) => Buffer.concat(sent.map(({ bytes }) => bytes));

describe('WireDecoder', () => {
  it('makes the same of a stream however it is split, and keeps nothing of the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(anySent, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
        (sent, sizes) => {
          const sink = new RecordingSink();
          pushInPieces(decoderOf(sink), streamOf(sent), sizes);
          expect(sink.events).toEqual(sent.map(({ event }) => event));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('makes the same of what was read straight into its blocks', () => {
    fc.assert(
      fc.property(
        fc.array(anySent, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }),
        (sent, sizes) => {
          const sink = new RecordingSink();
          const decoder = decoderOf(sink);
          const stream = streamOf(sent);
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const place = decoder.restOfBlock ?? new Uint8Array(90);
            const most = Math.min(place.length, sizes[turn % sizes.length] ?? 1);
            const chunk = place.subarray(0, Math.min(most, stream.length - at));
            chunk.set(stream.subarray(at, at + chunk.length));
            decoder.push(chunk);
            at += chunk.length;
          }
          expect(sink.events).toEqual(sent.map(({ event }) => event));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('names no place for a block that is discarded', () => {
    const sink = new RecordingSink();
    const decoder = decoderOf(sink);
    decoder.push(pieceHeader(0, 0, 100));
    expect(decoder.restOfBlock?.length).toBe(100);
    decoder.push(new Uint8Array(40));
    expect(decoder.restOfBlock?.length).toBe(60);
    decoder.discardBlock();
    expect(decoder.restOfBlock).toBeNull();
  });

  it('reads a stream byte by byte', () => {
    const [sent] = fc.sample(fc.array(anySent, { minLength: 40, maxLength: 40 }), {
      numRuns: 1,
      seed: 7,
    });
    const sink = new RecordingSink();
    pushInPieces(decoderOf(sink), streamOf(sent!), [1]);
    expect(sink.events).toEqual(sent!.map(({ event }) => event));
  });

  it('answers garbage with nothing but WIRE_INVALID, and asks for no more than its limits', () => {
    const limits = { maxMessageBytes: 300, maxBlockBytes: 200 };
    // Lengths are made small, so that the garbage gets past them.
    const garbage = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 30 }),
        fc
          .tuple(fc.nat(330), fc.nat(255), fc.uint8Array({ maxLength: 330 }))
          .map(([length, id, bytes]) => Uint8Array.from([0, 0, length >> 8, length, id, ...bytes])),
      ),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(garbage, (chunks) => {
        const sink = new RecordingSink();
        const decoder = decoderOf(sink, limits);
        const thrown = thrownBy(() => chunks.forEach((chunk) => decoder.push(chunk)));
        expect(thrown).toSatisfy((error) => isOursOrNone(error, 'WIRE_INVALID'));
        expect(sink.largest).toBeLessThanOrEqual(limits.maxBlockBytes);
      }),
      { numRuns: 500 },
    );
  });

  it('lets a block pass to nowhere and goes on behind it', () => {
    const sink = new RecordingSink(true);
    const stream = [
      pieceHeader(3, 16_384, 5),
      Buffer.from('hello'),
      encodeMessage({ type: 'choke' }),
    ];
    decoderOf(sink).push(Buffer.concat(stream));
    expect(sink.events).toEqual([
      { kind: 'piece', index: 3, begin: 16_384, bytes: '5 discarded' },
      { type: 'choke' },
    ]);
  });

  it('writes no more into a target that its owner took back', () => {
    const target = new Uint8Array(6);
    let ended = 0;
    const decoder = new WireDecoder({
      message() {},
      blockBegins: () => target,
      blockEnds: () => ended++,
    });
    decoder.push(Buffer.concat([pieceHeader(0, 0, 6), Buffer.from('abc')]));
    decoder.discardBlock();
    decoder.push(Buffer.from('def'));
    expect([Buffer.from(target).toString('latin1'), ended]).toEqual(['abc\0\0\0', 1]);
  });

  it('delivers nothing after stop, not even from the chunk under way', () => {
    const seen: string[] = [];
    const decoder: WireDecoder = new WireDecoder({
      message(message) {
        seen.push(message.type);
        decoder.stop();
      },
      blockBegins: () => null,
      blockEnds() {},
    });
    const choke = encodeMessage({ type: 'choke' });
    decoder.push(Buffer.concat([choke, choke]));
    decoder.push(choke);
    expect(seen).toEqual(['choke']);
  });

  it('delivers nothing after an error', () => {
    const sink = new RecordingSink();
    const decoder = decoderOf(sink);
    expect(() => decoder.push(Buffer.from('00000002' + '0000', 'hex'))).toThrow(FleetseedError);
    decoder.push(encodeMessage({ type: 'choke' }));
    expect(sink.events).toEqual([]);
  });

  it.each([
    ['a message longer than any limit', '7fffffff'],
    ['a have of three bytes', '0000000404000000'],
    ['a request with a tail', `0000000e06${'00'.repeat(13)}`],
    ['a piece without a block', `0000000907${'00'.repeat(8)}`],
    ['an extended message without an id', '0000000114'],
    ['hashes that are no multiple of 32 bytes', `0000003216${'00'.repeat(49)}`],
    ['span data without bytes', `0000000b14${'07'}01${'00'.repeat(8)}`],
  ])('refuses %s', (_what, hex) => {
    const push = () => decoderOf(new RecordingSink()).push(Buffer.from(hex, 'hex'));
    expect(push).toThrow(expect.objectContaining({ code: 'WIRE_INVALID' }));
  });

  it('refuses a block beyond its limit before any of it is kept', () => {
    const sink = new RecordingSink();
    const decoder = decoderOf(sink, { maxMessageBytes: 100_000, maxBlockBytes: 16_384 });
    decoder.push(Buffer.concat([pieceHeader(0, 0, 16_384), Buffer.alloc(16_384)]));
    expect(() => decoder.push(pieceHeader(0, 0, 16_385))).toThrow(FleetseedError);
    expect(sink.largest).toBe(16_384);
  });

  it('refuses other messages beyond their limit though a block could be that long', () => {
    const decoder = decoderOf(new RecordingSink(), { maxMessageBytes: 50, maxBlockBytes: 1000 });
    decoder.push(encodeMessage({ type: 'bitfield', bits: Buffer.alloc(49) }));
    const push = () => decoder.push(encodeMessage({ type: 'bitfield', bits: Buffer.alloc(50) }));
    expect(push).toThrow(FleetseedError);
  });

  it('takes larger bitfields once told how many pieces there are', () => {
    const sink = new RecordingSink();
    const decoder = decoderOf(sink, { maxMessageBytes: 50, maxBlockBytes: 100 });
    decoder.limits.maxMessageBytes = 1000;
    const message = { type: 'bitfield' as const, bits: Buffer.alloc(900, 1) };
    decoder.push(encodeMessage(message));
    expect(sink.events).toEqual([message]);
  });

  it('takes fs_run for data only under the id that was advertised', () => {
    const stream = Buffer.concat([spanHeader(9, 1, 2, 3), Buffer.from('abc')]);
    const sink = new RecordingSink();
    decoderOf(sink).push(stream);
    expect(sink.events).toEqual([
      { type: 'extended', id: 9, payload: Buffer.from('010000000100000002616263', 'hex') },
    ]);
  });

  it('hands fs_run messages without data over as extended messages', () => {
    const payload = encodeRunMessage({ type: 'request', run: 1, offset: 2, length: 3 });
    const sink = new RecordingSink();
    decoderOf(sink).push(extendedMessage(SPAN_ID, payload));
    expect(sink.events).toEqual([{ type: 'extended', id: SPAN_ID, payload }]);
  });

  it('keeps nothing of messages that nobody wants, and goes on behind them', () => {
    class PickySink extends RecordingSink {
      wants(messageId: number, extensionId: number): boolean {
        return messageId === 20 && extensionId === 3;
      }
    }
    const useless = Buffer.alloc(900_000, 0x55);
    const hashes = { root: Buffer.alloc(32), base: 0, index: 0, length: 512, proofLayers: 0 };
    const stream = Buffer.concat([
      extendedMessage(99, useless),
      extendedMessage(99, Buffer.from('x')),
      encodeMessage({ ...hashes, type: 'hashes', hashes: Buffer.alloc(512 * 32) }),
      extendedMessage(3, Buffer.from('wanted')),
    ]);
    const sink = new PickySink();
    const decoder = decoderOf(sink);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 800_000; at += 50_000) decoder.push(stream.subarray(at, at + 50_000));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000);
    decoder.push(stream.subarray(800_000));
    expect(sink.events).toEqual([
      { type: 'unknown', id: 20 },
      { type: 'unknown', id: 20 },
      { type: 'unknown', id: 22 },
      { type: 'extended', id: 3, payload: Buffer.from('wanted') },
    ]);
  });

  it('holds messages that nobody wants to the same limit', () => {
    const sink = Object.assign(new RecordingSink(), { wants: () => false });
    const decoder = decoderOf(sink, { maxMessageBytes: 50, maxBlockBytes: 1000 });
    expect(() => decoder.push(extendedMessage(9, Buffer.alloc(60)))).toThrow(FleetseedError);
  });

  it('reads a large message that comes in many chunks', () => {
    const sink = new RecordingSink();
    const payload = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at & 0xff));
    pushInPieces(decoderOf(sink), extendedMessage(3, payload), [5, 16_384, 70_000]);
    expect(sink.events).toEqual([{ type: 'extended', id: 3, payload }]);
  });
});
