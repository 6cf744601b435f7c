import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { FleetseedError } from '#lib/contracts';
import type { ObjectReader } from '#lib/depot';
import { ioBuffer } from '#lib/runtime';

import { CHUNK, damaged, decodeHead, headLength, PAGE, type SpanFileHead } from './span.file.js';

/** The bytes of a span as they lie on the disk; each chunk is checked each time it is read. */
export class SpanFileReader implements ObjectReader {
  private constructor(
    private readonly file: FileHandle,
    readonly head: SpanFileHead,
  ) {}

  /** @throws HASH_MISMATCH for a file that is not as it was written; what the system says */
  static async open(path: string): Promise<SpanFileReader> {
    const file = await open(path, 'r');
    try {
      let head = await readExactly(file, Buffer.alloc(PAGE), 0);
      const length = headLength(head);
      if (length > PAGE) head = await readExactly(file, Buffer.alloc(length), 0);
      return new SpanFileReader(file, decodeHead(head));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get length(): number {
    return this.head.length;
  }

  /** @throws HASH_MISMATCH when a chunk is not what was written; nothing of it is in `buffer` then */
  async read(
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<void> {
    if (position < 0 || length < 0 || position + length > this.length) {
      throw new FleetseedError('RANGE_NOT_SATISFIABLE', 'The span has not so many bytes.', {
        position,
        length,
      });
    }
    if (length === 0) return;
    const first = Math.floor(position / CHUNK) * CHUNK;
    const end = Math.min(this.length, Math.ceil((position + length) / CHUNK) * CHUNK);
    // Not into the caller's memory: it is to see nothing that has not been checked.
    const whole = await readExactly(this.file, ioBuffer(end - first), this.head.start + first);
    for (let at = 0; at < whole.length; at += CHUNK) {
      const sum = crc32(whole.subarray(at, Math.min(whole.length, at + CHUNK)));
      if (sum !== this.head.sums[(first + at) / CHUNK]) throw damaged();
    }
    buffer.set(whole.subarray(position - first, position - first + length), bufferOffset);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** A file that ends too early has not been written whole. */
async function readExactly(file: FileHandle, target: Buffer, position: number): Promise<Buffer> {
  for (let done = 0; done < target.length;) {
    const left = target.length - done;
    const { bytesRead } = await file.read(target, done, left, position + done);
    if (bytesRead === 0) throw damaged();
    done += bytesRead;
  }
  return target;
}
