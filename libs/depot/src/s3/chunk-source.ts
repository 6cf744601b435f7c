import { abortableChunks } from '../abortable-chunks.js';
import { lengthMismatch } from '../depot-checks.js';
import type { Chunks } from '../depot.js';

export interface ChunkSourceOptions {
  /** Bytes that must come; undefined when that is not known. */
  readonly length: number | undefined;
  readonly signal: AbortSignal;
  /** See `ChunkOptions`. */
  readonly onDone?: ((chunk: Uint8Array) => void) | undefined;
}

/**
 * The chunks of a producer, each held back until the next one, or the end, has come: so the last
 * bytes are never given out of a body whose producer then says that it is wrong.
 */
export class ChunkSource {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #stop = new AbortController();
  #held: Buffer | null = null;
  #length = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(
    private readonly key: string,
    chunks: Chunks,
    private readonly options: ChunkSourceOptions,
  ) {
    this.#chunks = abortableChunks(chunks, AbortSignal.any([options.signal, this.#stop.signal]));
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#length;
  }

  /** What the producer threw, or was found wrong with what it gave. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Null after the last. @throws what the producer throws; DEPOT_LENGTH_MISMATCH */
  async next(): Promise<Buffer | null> {
    try {
      return await this.#next();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** Tells the producer that no more is wanted; one that is silent is not waited for. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('No more is wanted.'));
    await this.#chunks.return();
  }

  async #next(): Promise<Buffer | null> {
    const { length: expected, onDone } = this.options;
    for (;;) {
      const { done, value } = await this.#chunks.next();
      // A producer that was stopped has not said that what is held is right.
      this.#stop.signal.throwIfAborted();
      const held = this.#held;
      if (done) {
        if (expected !== undefined && this.#length < expected) {
          throw lengthMismatch(this.key, expected, this.#length);
        }
        this.#held = null;
        return held;
      }
      this.#length += value.length;
      if (expected !== undefined && this.#length > expected) {
        throw lengthMismatch(this.key, expected, this.#length);
      }
      // A chunk that is lent is used again when it is given back.
      this.#held = onDone ? Buffer.from(value) : bufferOf(value);
      onDone?.(value);
      if (held && held.length > 0) return held;
    }
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
