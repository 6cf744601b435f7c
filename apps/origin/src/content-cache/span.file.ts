import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { FleetseedError } from '#lib/contracts';

/** Which bytes of which object of the depot. */
export interface SpanHead {
  readonly object: string;
  readonly offset: number;
  readonly length: number;
}

/** What the file of a span says of itself. */
export interface SpanFileHead extends SpanHead {
  /** Where its bytes begin in the file. */
  readonly start: number;
  /** CRC-32 of each chunk. */
  readonly sums: Uint32Array;
}

/*
 * The file, big-endian:
 *   0  'FSCS'   4  u16 format   6  u16 length of the key   8  u48 offset   14  u32 length
 *  18  u32 CRC-32 of all else before the bytes
 *  22  the key of the object in ASCII, then a CRC-32 for each 16 KiB of the bytes
 *      zeros up to a multiple of 4 KiB, then the bytes
 */
const MAGIC = 0x46534353;
const FORMAT = 1;
const FIXED = 22;
const SUM_AT = 18;
/** What disks give out at a time. */
export const PAGE = 4096;
/** What is checked at a time, bytes. */
export const CHUNK = 16 * 1024;

/** The name of a span's file: unlike the key of an object it has a fixed length and no folders. */
export function spanName({ object, offset }: Pick<SpanHead, 'object' | 'offset'>): string {
  const hash = createHash('sha256').update(object).digest('hex').slice(0, 32);
  return `${hash}.${offset}`;
}

/** Bytes that the file of a span takes on the disk. */
export function spanFileBytes(head: SpanHead): number {
  return toPages(startOf(head.object.length, head.length) + head.length);
}

export function toPages(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

/** What stands before the bytes of a span in its file. */
export function encodeHead({ object, offset, length }: SpanHead, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(startOf(object.length, length));
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt16BE(FORMAT, 4);
  head.writeUInt16BE(object.length, 6);
  head.writeUIntBE(offset, 8, 6);
  head.writeUInt32BE(length, 14);
  head.write(object, FIXED, 'latin1');
  let at = FIXED + object.length;
  for (let from = 0; from < length; from += CHUNK) {
    at = head.writeUInt32BE(crc32(bytes.subarray(from, Math.min(length, from + CHUNK))), at);
  }
  head.writeUInt32BE(sumOf(head), SUM_AT);
  return head;
}

/** How long the head is, told by its first page. @throws HASH_MISMATCH */
export function headLength(firstPage: Buffer): number {
  if (firstPage.length < PAGE || firstPage.readUInt32BE(0) !== MAGIC) throw damaged();
  if (firstPage.readUInt16BE(4) !== FORMAT) throw damaged();
  return startOf(firstPage.readUInt16BE(6), firstPage.readUInt32BE(14));
}

/** @throws HASH_MISMATCH for anything that is not a head as it was written */
export function decodeHead(head: Buffer): SpanFileHead {
  if (head.length !== headLength(head) || head.readUInt32BE(SUM_AT) !== sumOf(head)) {
    throw damaged();
  }
  const keyLength = head.readUInt16BE(6);
  const length = head.readUInt32BE(14);
  const sums = new Uint32Array(Math.ceil(length / CHUNK));
  sums.forEach((_, chunk) => {
    sums[chunk] = head.readUInt32BE(FIXED + keyLength + 4 * chunk);
  });
  const object = head.toString('latin1', FIXED, FIXED + keyLength);
  return { object, offset: head.readUIntBE(8, 6), length, start: head.length, sums };
}

export function damaged(): FleetseedError {
  return new FleetseedError('HASH_MISMATCH', 'What was kept on the disk is not what was written.');
}

function startOf(keyLength: number, length: number): number {
  return toPages(FIXED + keyLength + 4 * Math.ceil(length / CHUNK));
}

function sumOf(head: Buffer): number {
  return crc32(head.subarray(SUM_AT + 4), crc32(head.subarray(0, SUM_AT)));
}
