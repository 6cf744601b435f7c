import { Readable } from 'node:stream';

import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import { notFound, rangeError, resolveRange } from '../depot-checks.js';
import type { ByteRange } from '../depot.js';
import type { S3Door, S3Try } from './s3-door.js';
import { failureOf, unavailable } from './s3-errors.js';
import { rangeHeader } from './s3-multipart.js';

const STREAM_STEP = 256 * 1024;
/** A stream gives up when it broke so often in a row without one more byte. */
const BREAKS_IN_A_ROW = 5;

interface Opened {
  readonly body: Readable;
  /** Bytes that are to come. */
  readonly length: number;
}

/** Reads objects: ranges exactly, and on from where a connection broke. */
export class S3Reads {
  constructor(private readonly door: S3Door) {}

  /** @returns the bytes of the object, or null if there is none. */
  async stat(key: string): Promise<number | null> {
    return this.door.run(key, (attempt) => this.#head(key, attempt));
  }

  /** @throws NOT_FOUND, RANGE_NOT_SATISFIABLE */
  async read(key: string, range?: ByteRange): Promise<Buffer> {
    if (range && !isPlain(range)) return this.#unusual(key, range);
    const read = async (attempt: S3Try) => {
      const { body, length } = await this.#open(key, range, attempt);
      const bytes = Buffer.allocUnsafe(length);
      let filled = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        attempt.watch.restart();
        if (filled + chunk.length > length) throw tooMuch();
        filled += chunk.copy(bytes, filled);
      }
      if (filled < length) throw endedEarly();
      return bytes;
    };
    return this.door.run(key, read, { body: true });
  }

  /** @throws NOT_FOUND, RANGE_NOT_SATISFIABLE before the first byte */
  async stream(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable> {
    if (range && !isPlain(range)) return Readable.from([await this.#unusual(key, range)]);
    const first = await this.#reopen(key, range, signal, false);
    const whole = range ?? { offset: 0, length: first.length };
    const chunks = this.#chunks(key, first, whole, signal);
    const options = { objectMode: false, highWaterMark: STREAM_STEP };
    return Readable.from(chunks, signal ? { ...options, signal } : options);
  }

  async *#chunks(
    key: string,
    first: Opened,
    { offset, length }: ByteRange,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Buffer> {
    const end = offset + length;
    let { body } = first;
    let at = offset;
    let breaks = 0;
    try {
      while (at < end) {
        try {
          for await (const chunk of this.#timed(body, end - at)) {
            at += chunk.length;
            breaks = 0;
            yield chunk;
          }
          if (at < end) throw endedEarly();
        } catch (error) {
          signal?.throwIfAborted();
          this.door.closing.throwIfAborted();
          if (++breaks > BREAKS_IN_A_ROW || at >= end) throw unavailable(key, error);
          body.destroy();
          ({ body } = await this.#reopen(key, { offset: at, length: end - at }, signal, true));
        }
      }
    } finally {
      body.destroy();
    }
  }

  /** Chunks of a body that brings at most `left` bytes, and does not stand still while it is waited for. */
  async *#timed(body: Readable, left: number): AsyncGenerator<Buffer> {
    const { timeoutMs } = this.door;
    const late = () => body.destroy(new Error(`The store was silent for ${timeoutMs} ms.`));
    let timer = setTimeout(late, timeoutMs);
    let length = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        clearTimeout(timer);
        length += chunk.length;
        if (length > left) throw tooMuch();
        yield chunk;
        timer = setTimeout(late, timeoutMs);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #reopen(
    key: string,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
    fresh: boolean,
  ): Promise<Opened> {
    const open = (attempt: S3Try) => this.#open(key, range, attempt);
    return this.door.run(key, open, { body: true, signal, fresh });
  }

  async #open(key: string, range: ByteRange | undefined, attempt: S3Try): Promise<Opened> {
    const ranged = range ? { Range: rangeHeader(range) } : {};
    try {
      const command = new GetObjectCommand({ ...this.door.at(key), ...ranged });
      const found = await attempt.client.send(command, { abortSignal: attempt.signal });
      const opened = { body: found.Body as Readable, length: found.ContentLength ?? 0 };
      if (!range || opened.length === range.length) return opened;
      opened.body.destroy();
      const total = Number(found.ContentRange?.split('/')[1] ?? opened.length);
      if (range.offset + range.length > total) throw rangeError(key, range, total);
      throw new FleetseedError('DEPOT_UNUSABLE', 'The S3 store gives other ranges than asked.', {
        key,
      });
    } catch (error) {
      if (failureOf(error) === 'absent') throw notFound(key, error);
      if (failureOf(error) !== 'range' || !range) throw error;
      throw rangeError(key, range, (await this.#head(key, attempt)) ?? 0);
    }
  }

  /** Nothing, or nonsense: neither can be said in a request. */
  async #unusual(key: string, range: ByteRange): Promise<Buffer> {
    const length = await this.stat(key);
    if (length === null) throw notFound(key);
    resolveRange(key, range, length);
    return Buffer.alloc(0);
  }

  async #head(key: string, { client, signal }: S3Try): Promise<number | null> {
    try {
      const command = new HeadObjectCommand(this.door.at(key));
      return (await client.send(command, { abortSignal: signal })).ContentLength ?? 0;
    } catch (error) {
      if (failureOf(error) === 'absent') return null;
      throw error;
    }
  }
}

function endedEarly(): Error {
  return new Error('The answer ended early.');
}

function tooMuch(): Error {
  return new Error('More bytes came than were asked for.');
}

function isPlain({ offset, length }: ByteRange): boolean {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  return isWhole && offset >= 0 && length > 0;
}
