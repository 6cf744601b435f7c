import type { SpanBuffer } from '../hashing/buffer-pool.js';

interface Entry {
  readonly offset: number;
  readonly buffer: SpanBuffer;
  /** Uploads that are reading from it. */
  readers: number;
  /** It is to be given back when the last reader is done. */
  gone: boolean;
}

/** Bytes of a fresh span, to be given back. */
export interface FreshLease {
  readonly bytes: Uint8Array;
  release(): void;
}

/**
 * The spans that were verified last, still in memory: neighbours ask for what was just announced. The
 * oldest gives way to a new one, and all of them when memory is short.
 */
export class FreshSpans {
  /** The oldest first. */
  readonly #entries: Entry[] = [];
  #bytes = 0;

  /** @param limit bytes kept at most */
  constructor(private readonly limit: number) {}

  /** Takes over a buffer with the payload from `offset`. */
  keep(offset: number, buffer: SpanBuffer): void {
    this.#entries.push({ offset, buffer, readers: 0, gone: false });
    this.#bytes += buffer.length;
    while (this.#bytes > this.limit) this.#drop();
  }

  /** The payload [offset, offset + length), if one of the spans has all of it. */
  lease(offset: number, length: number): FreshLease | null {
    const entry = this.#entries.findLast(
      ({ offset: begin, buffer }) => begin <= offset && offset + length <= begin + buffer.length,
    );
    if (entry === undefined) return null;
    entry.readers++;
    let held = true;
    const at = offset - entry.offset;
    return {
      bytes: entry.buffer.bytes.subarray(at, at + length),
      release: () => {
        if (held && --entry.readers === 0 && entry.gone) entry.buffer.release();
        held = false;
      },
    };
  }

  /** Gives memory back. @returns whether there was any */
  clear(): boolean {
    const had = this.#entries.length > 0;
    while (this.#entries.length > 0) this.#drop();
    return had;
  }

  #drop(): void {
    const entry = this.#entries.shift()!;
    this.#bytes -= entry.buffer.length;
    entry.gone = true;
    if (entry.readers === 0) entry.buffer.release();
  }
}
