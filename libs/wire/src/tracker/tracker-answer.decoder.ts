import { bdecode, type BencodeDict, type BencodeValue } from '#lib/torrent';

import { answerInvalid } from './tracker.errors.js';

/** Longest answer that is read, bytes: 5,000 peers in the dictionary form are about 500 KiB. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_TEXT_BYTES = 1024;

/** @throws FleetseedError TRACKER_ANSWER_INVALID unless it is one bencoded dictionary. */
export function decodeAnswer(bytes: Uint8Array): BencodeDict {
  let value: BencodeValue;
  try {
    value = bdecode(bytes, { maxBytes: MAX_ANSWER_BYTES, maxDepth: 8, maxItems: 50_000 });
  } catch (error) {
    throw answerInvalid('it is not bencode', { bytes: bytes.length }, error);
  }
  if (!(value instanceof Map)) throw answerInvalid('it is not a dictionary');
  return value;
}

/** A number that is not negative, or undefined. */
export function countIn(dict: BencodeDict, key: string): number | undefined {
  const value = dict.get(key);
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

export function bytesIn(dict: BencodeDict, key: string): Buffer | undefined {
  const value = dict.get(key);
  return Buffer.isBuffer(value) ? value : undefined;
}

/** Text for people and logs: cut to a sane length. */
export function textIn(dict: BencodeDict, key: string): string | undefined {
  return bytesIn(dict, key)?.subarray(0, MAX_TEXT_BYTES).toString('utf8');
}
