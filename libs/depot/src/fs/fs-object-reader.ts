import { open, type FileHandle } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';

import { FleetseedError } from '#lib/contracts';
import { ioBuffer } from '#lib/runtime';

import { rangeError, resolveRange } from '../depot-checks.js';
import type { ByteRange, ObjectReader } from '../depot.js';
import { io, translated } from './fs-errors.js';

const STREAM_STEP = 256 * 1024;

/** An open file of a depot. Its bytes stay readable when the key is removed meanwhile. */
export class FsObjectReader implements ObjectReader {
  private constructor(
    private readonly key: string,
    private readonly file: FileHandle,
    readonly length: number,
  ) {}

  static async open(key: string, path: string): Promise<FsObjectReader> {
    const file = await io(key, open(path, 'r'));
    try {
      const { size } = await io(key, file.stat());
      return new FsObjectReader(key, file, size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async read(
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<void> {
    const range = { offset: position, length };
    resolveRange(this.key, range, this.length);
    if (bufferOffset + length > buffer.length) throw rangeError(this.key, range, this.length);
    for (let done = 0; done < length;) {
      const got = await this.#readOnce(buffer, bufferOffset + done, length - done, position + done);
      done += got;
    }
  }

  async readRange(range?: ByteRange): Promise<Buffer> {
    const { offset, length } = resolveRange(this.key, range, this.length);
    const bytes = Buffer.allocUnsafe(length);
    await this.read(bytes, 0, length, offset);
    return bytes;
  }

  /** A stream of the range that closes this reader at its end. */
  stream(range: ByteRange | undefined, signal: AbortSignal | undefined): Readable {
    let { offset, length } = resolveRange(this.key, range, this.length);
    const step = async () => {
      if (length === 0) return null;
      const chunk = ioBuffer(Math.min(STREAM_STEP, length));
      await this.read(chunk, 0, chunk.length, offset);
      offset += chunk.length;
      length -= chunk.length;
      return chunk;
    };
    const stream = new Readable({
      highWaterMark: STREAM_STEP,
      read() {
        step().then(
          (chunk) => this.push(chunk),
          (error: Error) => this.destroy(error),
        );
      },
      destroy: (error, done) => {
        this.close().then(
          () => done(error),
          (failure: Error) => done(error ?? failure),
        );
      },
    });
    return signal ? addAbortSignal(signal, stream) : stream;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  async #readOnce(
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<number> {
    let bytesRead: number;
    try {
      ({ bytesRead } = await this.file.read(buffer, bufferOffset, length, position));
    } catch (error) {
      throw translated(error, this.key);
    }
    if (bytesRead === 0) {
      throw new FleetseedError('DEPOT_CORRUPT', 'An object is shorter than it was.', {
        key: this.key,
        length: this.length,
        position,
      });
    }
    return bytesRead;
  }
}
