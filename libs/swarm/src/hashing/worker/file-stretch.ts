import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';

import { BLOCK } from './merkle-nodes.ts';

/** Stays in a core's cache while it is hashed twice. */
export const READ_AT_ONCE = 256 * 1024;

let scratch: Buffer | null = null;
/** The blocks of the scratch buffer: a view is a tenth of what hashing one costs besides. */
let blocks: readonly Buffer[] = [];

export function scratchBuffer(): Buffer {
  if (scratch) return scratch;
  // Not at the beginning of its memory: see `ioBuffer` in libs/runtime.
  const buffer = Buffer.allocUnsafeSlow(READ_AT_ONCE + 48).subarray(48);
  const starts = Array.from({ length: READ_AT_ONCE / BLOCK }, (_, index) => index * BLOCK);
  blocks = starts.map((start) => buffer.subarray(start, start + BLOCK));
  return (scratch = buffer);
}

/** A block of the scratch buffer, which must have been asked for. */
export function scratchBlock(index: number): Buffer {
  return blocks[index]!;
}

/** Reads through the scratch buffer. @returns what the file was: size, mtimeNs, ctimeNs, ino */
export function readStretch(
  path: string,
  start: number,
  length: number,
  take: (count: number) => void,
): BigInt64Array {
  const buffer = scratchBuffer();
  // O_NONBLOCK: a FIFO in the place of a file must not hold the thread for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = signatureOf(file, path);
    for (let done = 0; done < length;) {
      const wanted = Math.min(buffer.length, length - done);
      readFully(file, buffer, wanted, start + done, path);
      take(wanted);
      done += wanted;
    }
    const after = signatureOf(file, path);
    if (after[1] !== before[1] || after[2] !== before[2]) throw changed(path);
    return before;
  } finally {
    closeSync(file);
  }
}

function readFully(file: number, into: Buffer, count: number, from: number, path: string): void {
  for (let at = 0; at < count;) {
    const read = readSync(file, into, at, count - at, from + at);
    if (read === 0) throw changed(path);
    at += read;
  }
}

/** @throws an error with the code CHANGED for anything but a regular file */
export function signatureOf(file: number, path: string): BigInt64Array {
  const stat = fstatSync(file, { bigint: true });
  if (!stat.isFile()) throw changed(path);
  return fieldsOf(stat);
}

export function fieldsOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): BigInt64Array {
  return BigInt64Array.of(size, mtimeNs, ctimeNs, ino);
}

export function changed(path: string): Error {
  const error = new Error('The file is not what it was when it was listed.');
  return Object.assign(error, { code: 'CHANGED', path });
}
