import { rangeError, resolveRange } from '../depot-checks.js';
import type { ObjectReader } from '../depot.js';
import { SPAN, type SpanCache } from './span-cache.js';

/** An object that is read through the cache; it holds nothing open. */
export class S3ObjectReader implements ObjectReader {
  constructor(
    private readonly key: string,
    readonly length: number,
    private readonly spans: SpanCache,
  ) {}

  async read(
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<void> {
    const range = { offset: position, length };
    resolveRange(this.key, range, this.length);
    if (bufferOffset + length > buffer.length) throw rangeError(this.key, range, this.length);
    const end = position + length;
    const copies: Promise<void>[] = [];
    for (let at = position; at < end; at = nextSpan(at)) {
      copies.push(
        this.#copy(at, Math.min(end, nextSpan(at)), buffer, bufferOffset + at - position),
      );
    }
    // The buffer is its owner's again only when nothing more is written to it.
    const failed = (await Promise.allSettled(copies)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }

  async close(): Promise<void> {
    // What is cached goes when others need the room.
  }

  async #copy(from: number, to: number, buffer: Uint8Array, target: number): Promise<void> {
    const number = Math.floor(from / SPAN);
    const span = await this.spans.get(this.key, number, this.length);
    buffer.set(span.subarray(from - number * SPAN, to - number * SPAN), target);
  }
}

function nextSpan(at: number): number {
  return (Math.floor(at / SPAN) + 1) * SPAN;
}
