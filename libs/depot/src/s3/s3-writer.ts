import { Readable } from 'node:stream';

import { PutObjectCommand } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import type { Chunks, PutOptions } from '../depot.js';
import { ChunkSource } from './chunk-source.js';
import type { MemoryBudget } from './memory-budget.js';
import type { S3Door } from './s3-door.js';
import { MOST_PARTS, S3Multipart } from './s3-multipart.js';

const USUAL_PART = 8 * 1024 * 1024;
const SHORT = 128 * 1024;
/** Parts of one object that are on their way at once. */
const AT_ONCE = 4;

/**
 * Writes objects that come in one stream. What is longer than a part is sent as an upload in parts;
 * each part is gathered before it is sent, so that it can be sent again.
 */
export class S3Writer {
  constructor(
    private readonly door: S3Door,
    private readonly memory: MemoryBudget,
  ) {}

  /** @returns the bytes that came. */
  async put(key: string, chunks: Chunks, options: PutOptions): Promise<number> {
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.door.closing])
      : this.door.closing;
    const source = new ChunkSource(key, chunks, { ...options, length: options.length, signal });
    const parts = new PartCutter(source, partLengthFor(options.length));
    try {
      const first = await parts.next();
      if (parts.ended) await this.#putWhole(key, first, signal);
      else await this.#putParts(key, first, parts, signal);
      return source.length;
    } finally {
      await source.close();
    }
  }

  async #putWhole(key: string, part: Part, signal: AbortSignal): Promise<void> {
    await this.door.run(
      key,
      async (attempt) => {
        const command = new PutObjectCommand({
          ...this.door.at(key),
          ContentLength: part.length,
          // What is short is sent in one go, what is long must not be hashed whole to be signed.
          Body: part.length <= SHORT ? Buffer.concat(part.chunks) : streamOf(part),
        });
        await attempt.client.send(command, { abortSignal: attempt.signal });
      },
      { body: true, signal },
    );
  }

  async #putParts(key: string, first: Part, parts: PartCutter, signal: AbortSignal): Promise<void> {
    const upload = await S3Multipart.begin(this.door, key, signal);
    const stop = new AbortController();
    const lanes = new Lanes(this.memory, AT_ONCE);
    const etags: string[] = [];
    try {
      let part = first;
      for (let index = 0; part.length > 0; index++) {
        const sent = part;
        await lanes.start(sent.length, async () => {
          const until = AbortSignal.any([signal, stop.signal]);
          const etag = await upload.send(index + 1, sent.length, () => streamOf(sent), until);
          if (etag === null) throw ended(key);
          etags[index] = etag;
        });
        part = await parts.next();
      }
      await lanes.end();
      if ((await upload.complete(etags, parts.length)) !== 'done') throw ended(key);
    } catch (error) {
      stop.abort(error);
      await lanes.end().catch(() => undefined);
      // What cannot be dropped now is dropped by the bucket's rule for unfinished uploads.
      await upload.abort().catch(() => undefined);
      throw error;
    }
  }
}

interface Part {
  readonly chunks: readonly Buffer[];
  readonly length: number;
}

/** Cuts a stream into parts of one length; some stores take no others. */
class PartCutter {
  #rest: Buffer | null = null;
  #length = 0;
  ended = false;

  constructor(
    private readonly source: ChunkSource,
    private readonly partLength: number,
  ) {}

  /** Bytes of all parts so far. */
  get length(): number {
    return this.#length;
  }

  /** The last may be shorter; after it they are empty. */
  async next(): Promise<Part> {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < this.partLength) {
      const chunk = this.#rest ?? (await this.source.next());
      this.#rest = null;
      if (chunk === null) {
        this.ended = true;
        break;
      }
      const fits = chunk.subarray(0, this.partLength - length);
      if (fits.length < chunk.length) this.#rest = chunk.subarray(fits.length);
      chunks.push(fits);
      length += fits.length;
    }
    this.#length += length;
    return { chunks, length };
  }
}

/** A few things at once: the first always, further ones while there is memory for them. */
class Lanes {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;

  constructor(
    private readonly memory: MemoryBudget,
    private readonly limit: number,
  ) {}

  async start(bytes: number, work: () => Promise<void>): Promise<void> {
    for (;;) {
      this.#check();
      if (this.#running.size === 0) return this.#run(0, work);
      if (this.#running.size < this.limit && this.memory.take(bytes)) return this.#run(bytes, work);
      await Promise.race(this.#running);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  #run(bytes: number, work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.memory.give(bytes);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

function partLengthFor(length: number | undefined): number {
  const least = Math.ceil((length ?? 0) / MOST_PARTS);
  return Math.max(USUAL_PART, least);
}

function streamOf({ chunks }: Part): Readable {
  return Readable.from(chunks, { objectMode: false });
}

function ended(key: string): FleetseedError {
  const text = 'Somebody else has ended the upload of an object.';
  return new FleetseedError('DEPOT_UNAVAILABLE', text, { key });
}
