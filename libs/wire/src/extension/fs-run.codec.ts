import { MESSAGE_ID } from '../peer/message.types.js';
import { wireInvalid } from '../peer/wire.errors.js';
import { decodeRanges, encodeRanges, type IndexRange } from './index-ranges.js';

const KIND = { request: 0, data: 1, reject: 2, cancel: 3, have: 4 } as const;
const SPAN_BYTES = 13;

/** Bytes of one run; `offset` and `length` in bytes, `offset` from the run's start. */
export interface SpanRef {
  readonly run: number;
  readonly offset: number;
  readonly length: number;
}

/** Messages of `fs_run`, but for data, which the WireDecoder delivers as a block. */
export type RunMessage =
  | ({ readonly type: 'request' | 'reject' | 'cancel' } & SpanRef)
  /** Pieces that the sender now has, verified and written. */
  | { readonly type: 'have'; readonly pieces: readonly IndexRange[] };

/** The payload of an extended message with the id that the receiver advertised for `fs_run`. */
export function encodeRunMessage(message: RunMessage): Buffer {
  if (message.type === 'have') return encodeRanges(KIND.have, message.pieces);
  const bytes = Buffer.allocUnsafe(SPAN_BYTES);
  bytes.writeUInt8(KIND[message.type], 0);
  bytes.writeUInt32BE(message.run, 1);
  bytes.writeUInt32BE(message.offset, 5);
  bytes.writeUInt32BE(message.length, 9);
  return bytes;
}

/**
 * Reads the payload of an `fs_run` message that is not data.
 * @throws FleetseedError WIRE_INVALID
 */
export function decodeRunMessage(payload: Buffer): RunMessage {
  const kind = payload[0] ?? -1;
  switch (kind) {
    case KIND.request:
      return { type: 'request', ...spanRef(payload) };
    case KIND.reject:
      return { type: 'reject', ...spanRef(payload) };
    case KIND.cancel:
      return { type: 'cancel', ...spanRef(payload) };
    case KIND.have:
      return { type: 'have', pieces: decodeRanges(payload) };
    default:
      throw wireInvalid('fs_run of an unknown kind', { kind });
  }
}

/**
 * The 15 bytes before the data of a span; the data is written apart, uncopied.
 * @param extensionId what the receiver advertised for `fs_run`.
 */
export function spanHeader(
  extensionId: number,
  run: number,
  offset: number,
  length: number,
): Buffer {
  const bytes = Buffer.allocUnsafe(15);
  bytes.writeUInt32BE(11 + length, 0);
  bytes.writeUInt8(MESSAGE_ID.extended, 4);
  bytes.writeUInt8(extensionId, 5);
  bytes.writeUInt8(KIND.data, 6);
  bytes.writeUInt32BE(run, 7);
  bytes.writeUInt32BE(offset, 11);
  return bytes;
}

function spanRef(payload: Buffer): SpanRef {
  if (payload.length !== SPAN_BYTES) {
    throw wireInvalid('fs_run has the wrong length', { bytes: payload.length });
  }
  return {
    run: payload.readUInt32BE(1),
    offset: payload.readUInt32BE(5),
    length: payload.readUInt32BE(9),
  };
}
