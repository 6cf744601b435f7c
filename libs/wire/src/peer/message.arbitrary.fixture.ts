import fc from 'fast-check';

import { spanHeader } from '../extension/fs-run.codec.js';
import { encodeMessage, pieceHeader } from './message.encoder.js';
import type { WireMessage } from './message.types.js';
import type { ReceivedBlock } from './recording-sink.fixture.js';

/** The id under which the streams of these tests carry `fs_run`. */
export const SPAN_ID = 7;

/** Bytes on the wire and what a decoder has to make of them. */
export interface Sent {
  readonly bytes: Buffer;
  readonly event: WireMessage | ReceivedBlock;
}

const u32 = fc.nat(0xffff_ffff);

export function bytesOf(minLength: number, maxLength = minLength): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes));
}

const blockRef = { piece: u32, begin: u32, length: u32 };
const hashRange = { root: bytesOf(32), base: u32, index: u32, length: u32, proofLayers: u32 };

export const anyMessage: fc.Arbitrary<Exclude<WireMessage, { type: 'unknown' }>> = fc.oneof(
  fc.record({
    type: fc.constantFrom(
      'keepAlive' as const,
      'choke' as const,
      'unchoke' as const,
      'interested' as const,
      'notInterested' as const,
      'haveAll' as const,
      'haveNone' as const,
    ),
  }),
  fc.record({
    type: fc.constantFrom('have' as const, 'suggest' as const, 'allowedFast' as const),
    piece: u32,
  }),
  fc.record({ type: fc.constant('bitfield' as const), bits: bytesOf(0, 40) }),
  fc.record({
    type: fc.constantFrom('request' as const, 'cancel' as const, 'reject' as const),
    ...blockRef,
  }),
  fc.record({ type: fc.constant('port' as const), port: fc.nat(65_535) }),
  fc.record({
    type: fc.constantFrom('hashRequest' as const, 'hashReject' as const),
    ...hashRange,
  }),
  fc.record({
    type: fc.constant('hashes' as const),
    ...hashRange,
    hashes: fc.nat(3).chain((count) => bytesOf(32 * count)),
  }),
  fc.record({
    type: fc.constant('extended' as const),
    id: fc.nat(255).filter((id) => id !== SPAN_ID),
    payload: bytesOf(0, 40),
  }),
);

const sentMessage = anyMessage.map((event): Sent => ({ bytes: encodeMessage(event), event }));

const sentBlock = fc
  .record({
    kind: fc.constantFrom('piece' as const, 'span' as const),
    index: u32,
    begin: u32,
    block: bytesOf(1, 60),
  })
  .map(({ kind, index, begin, block }): Sent => {
    const header =
      kind === 'piece'
        ? pieceHeader(index, begin, block.length)
        : spanHeader(SPAN_ID, index, begin, block.length);
    return {
      bytes: Buffer.concat([header, block]),
      event: { kind, index, begin, bytes: block.toString('hex') },
    };
  });

const sentUnknown = fc
  .record({ id: fc.constantFrom(10, 18, 24, 99, 255), payload: bytesOf(0, 20) })
  .map(({ id, payload }): Sent => {
    const bytes = Buffer.alloc(5 + payload.length);
    bytes.writeUInt32BE(1 + payload.length);
    bytes.writeUInt8(id, 4);
    payload.copy(bytes, 5);
    return { bytes, event: { type: 'unknown', id } };
  });

export const anySent: fc.Arbitrary<Sent> = fc.oneof(sentMessage, sentBlock, sentUnknown);
