import { bdecodePrefix, bdict, bencode, type BencodeValue } from '#lib/torrent';

import { wireInvalid } from '../peer/wire.errors.js';
import { MAX_METADATA_BYTES } from './extension-handshake.codec.js';

/** Every piece of the metadata but the last has this many bytes (BEP 9). */
export const METADATA_PIECE_BYTES = 16 * 1024;

export type MetadataMessage =
  | { readonly type: 'request' | 'reject'; readonly piece: number }
  | {
      readonly type: 'data';
      readonly piece: number;
      /** Bytes of the whole `info` dictionary. */
      readonly totalSize: number;
      readonly bytes: Buffer;
    }
  /** BEP 9: unknown types must be ignored, so that the protocol can grow. */
  | { readonly type: 'unknown'; readonly code: number };

const TYPE = { request: 0, data: 1, reject: 2 } as const;
const MAX_PIECE = MAX_METADATA_BYTES / METADATA_PIECE_BYTES - 1;

/** The payload of an extended message with the id that the receiver advertised for `ut_metadata`. */
export function encodeMetadataMessage(
  message: Exclude<MetadataMessage, { type: 'unknown' }>,
): Buffer {
  const head = bencode(
    bdict({
      msg_type: TYPE[message.type],
      piece: message.piece,
      total_size: message.type === 'data' ? message.totalSize : undefined,
    }),
  );
  return message.type === 'data' ? Buffer.concat([head, message.bytes]) : head;
}

/** @throws FleetseedError WIRE_INVALID */
export function decodeMetadataMessage(payload: Buffer): MetadataMessage {
  const { value, consumed } = decodeHead(payload);
  if (!(value instanceof Map)) throw wireInvalid('ut_metadata is not a dictionary');
  const code = value.get('msg_type');
  const piece = value.get('piece');
  if (typeof code !== 'number') throw wireInvalid('ut_metadata without a type');
  if (code !== TYPE.request && code !== TYPE.data && code !== TYPE.reject) {
    return { type: 'unknown', code };
  }
  if (typeof piece !== 'number' || piece < 0 || piece > MAX_PIECE) {
    throw wireInvalid('ut_metadata with an impossible piece');
  }
  if (code === TYPE.request) return { type: 'request', piece };
  if (code === TYPE.reject) return { type: 'reject', piece };
  const bytes = Buffer.from(payload.subarray(consumed));
  return {
    type: 'data',
    piece,
    totalSize: totalSizeOf(value.get('total_size'), piece, bytes),
    bytes,
  };
}

function decodeHead(payload: Buffer): { value: BencodeValue; consumed: number } {
  try {
    // Bytes bound the input as a whole: the piece and a dictionary of a few hundred bytes.
    return bdecodePrefix(payload, {
      maxBytes: METADATA_PIECE_BYTES + 1024,
      maxDepth: 4,
      maxItems: 32,
    });
  } catch (error) {
    throw wireInvalid('ut_metadata is not bencode', {}, error);
  }
}

function totalSizeOf(value: BencodeValue | undefined, piece: number, bytes: Buffer): number {
  if (typeof value !== 'number' || value < 1 || value > MAX_METADATA_BYTES) {
    throw wireInvalid('ut_metadata with an impossible total size');
  }
  const expected = Math.min(METADATA_PIECE_BYTES, value - piece * METADATA_PIECE_BYTES);
  if (bytes.length !== expected) {
    throw wireInvalid('ut_metadata data of the wrong length', { bytes: bytes.length, expected });
  }
  return value;
}
