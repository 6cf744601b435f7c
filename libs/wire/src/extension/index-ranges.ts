import { wireInvalid } from '../peer/wire.errors.js';

/** Consecutive indices (of pieces or runs). */
export interface IndexRange {
  readonly first: number;
  /** At least 1. */
  readonly count: number;
}

/** Ranges of one message; longer lists are sent as several messages. */
export const MAX_RANGES = 8192;

const RANGE_BYTES = 8;

/** One kind byte, then `first` and `count` of each range as u32. */
export function encodeRanges(kind: number, ranges: readonly IndexRange[]): Buffer {
  if (ranges.length > MAX_RANGES) throw new RangeError(`More than ${MAX_RANGES} ranges`);
  const bytes = Buffer.allocUnsafe(1 + RANGE_BYTES * ranges.length);
  bytes.writeUInt8(kind, 0);
  ranges.forEach(({ first, count }, at) => {
    bytes.writeUInt32BE(first, 1 + RANGE_BYTES * at);
    bytes.writeUInt32BE(count, 5 + RANGE_BYTES * at);
  });
  return bytes;
}

/** Reads the ranges after the kind byte. The caller checks them against its own table. */
export function decodeRanges(payload: Buffer): IndexRange[] {
  const bytes = payload.length - 1;
  if (bytes % RANGE_BYTES !== 0 || bytes > MAX_RANGES * RANGE_BYTES) {
    throw wireInvalid('a list of ranges has the wrong length', { bytes });
  }
  const ranges: IndexRange[] = [];
  for (let at = 1; at < payload.length; at += RANGE_BYTES) {
    const first = payload.readUInt32BE(at);
    const count = payload.readUInt32BE(at + 4);
    if (count === 0 || first + count > 0xffff_ffff) {
      throw wireInvalid('a range of indices is empty or too long', { first, count });
    }
    ranges.push({ first, count });
  }
  return ranges;
}
