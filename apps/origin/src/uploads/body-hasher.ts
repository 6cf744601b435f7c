import { hash } from 'node:crypto';

import {
  InlineHasher,
  LARGEST_SPAN_BUFFER,
  type BufferPool,
  type HashPool,
  type SpanBuffer,
  type SpanHashes,
} from '#lib/swarm';
import { PieceHasherV1 } from '#lib/torrent';

import { SpanPlanner, type PlannedSpan } from './span-planner.js';

export interface BodyCut {
  /** Bytes of the stretches, end to end; null for one whose length shows at its end. */
  readonly stretches: readonly number[] | null;
  /** Bytes below each Merkle node: a power of two from 16 KiB to 1 MiB. */
  readonly nodeSpan: number;
  /** Whether each stretch is a whole file: one shorter than a node is then a tree of its own width. */
  readonly wholeFiles: boolean;
  /** Whether the SHA-256 of all bytes is wanted. */
  readonly digest: boolean;
  /** SHA-1 of pieces of this length, bytes; 0 for none. */
  readonly pieceLengthV1: number;
}

export interface BodyHashes {
  readonly length: number;
  /** SHA-256 of the 16 KiB blocks of each stretch, 32 bytes each. */
  readonly leaves: Buffer;
  /** Merkle nodes of each stretch, 32 bytes each. */
  readonly nodes: Buffer;
  /** Empty unless wanted. */
  readonly digest: Buffer;
  /** 20 bytes a piece; empty unless wanted. */
  readonly piecesV1: Buffer;
}

interface Threads {
  readonly pool: Pick<HashPool, 'hashSpan' | 'ordered'>;
  readonly buffers: BufferPool;
}

/** A body this small is hashed here: asking a thread takes about as long. */
const HASHED_HERE = 128 * 1024;
/** Spans of one body that are being hashed or stored at once. */
const AT_ONCE = 4;

type SharedRoom = Pick<SpanBuffer, 'bytes' | 'release'>;

/** A span that is with the threads, the depot, or both. */
interface Lent {
  readonly buffer: SharedRoom;
  hashed: boolean;
  stored: boolean;
}

/**
 * Hashes a body on threads while it goes into the depot. The bytes are copied once, into shared
 * memory that is hashed and written from, and the chunks they came in are given up at once. A body
 * has one span of its own when the common memory is used up, so that no sender, however slow, holds
 * up another.
 */
export class BodyHasher {
  readonly #planner: SpanPlanner;
  readonly #spans: Promise<SpanHashes>[] = [];
  readonly #lent = new Map<Uint8Array, Lent>();
  readonly #small: Buffer[] = [];
  readonly #isSmall: boolean;
  #ordered: ReturnType<HashPool['ordered']> | null = null;
  #own: SharedRoom | null = null;
  #givenBack: () => void = () => undefined;
  #length = 0;

  constructor(
    private readonly threads: Threads,
    private readonly cut: BodyCut,
  ) {
    this.#planner = new SpanPlanner(cut);
    this.#isSmall = cut.stretches !== null && sumOf(cut.stretches) <= HASHED_HERE;
  }

  /** Bytes taken in so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * The bytes of `chunks`, in larger chunks, which are lent: whoever takes them calls `stored` with
   * each. They are hashed from the moment they are handed out. Chunks are taken over: their memory
   * is given back to the system.
   */
  async *through(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    if (this.#isSmall) {
      yield* this.#keep(chunks);
      return;
    }
    const { digest, pieceLengthV1 } = this.cut;
    if (digest || pieceLengthV1 > 0) {
      this.#ordered = this.threads.pool.ordered({ digest, pieceLengthV1 });
    }
    let span = this.#planner.next();
    let buffer: SharedRoom | null = null;
    let filled = 0;
    try {
      for await (const chunk of chunks) {
        this.#length += chunk.length;
        for (let at = 0; span && at < chunk.length;) {
          buffer ??= await this.#obtain(span.length);
          const count = Math.min(chunk.length - at, span.length - filled);
          buffer.bytes.set(chunk.subarray(at, at + count), filled);
          at += count;
          filled += count;
          if (filled < span.length) continue;
          const full = buffer;
          buffer = null;
          filled = 0;
          yield this.#hash(full, span);
          span = this.#planner.next();
        }
        giveUp(chunk);
      }
      if (buffer && this.cut.stretches === null) {
        const whole: SharedRoom = buffer;
        const bytes = whole.bytes.subarray(0, filled);
        const last = { bytes, release: () => whole.release() };
        buffer = null;
        yield this.#hash(last, this.#planner.last(filled));
      }
    } finally {
      buffer?.release();
    }
  }

  /** The depot is done with a chunk that `through` handed out. */
  stored(chunk: Uint8Array): void {
    const lent = this.#lent.get(chunk);
    if (!lent) return;
    lent.stored = true;
    this.#giveBack(lent);
  }

  /**
   * Call it once, after all bytes of all stretches.
   * @throws FleetseedError INTERNAL when a thread ended, SHUTTING_DOWN
   */
  async finish(): Promise<BodyHashes> {
    if (this.#isSmall) return this.#finishHere();
    const spans = await Promise.all(this.#spans);
    const { digest, piecesV1 } = (await this.#ordered?.finish()) ?? NO_ORDERED;
    return {
      length: this.#length,
      leaves: Buffer.concat(spans.map(({ leaves }) => leaves)),
      nodes: Buffer.concat(spans.map(({ roots }) => roots)),
      digest,
      piecesV1,
    };
  }

  /** To be called at the end, when the depot has nothing of this body in its hands any more. */
  close(): void {
    this.#ordered?.drop();
    for (const chunk of this.#lent.keys()) this.stored(chunk);
  }

  async *#keep(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#length += chunk.length;
      this.#small.push(chunk);
      yield chunk;
    }
  }

  #hash(buffer: SharedRoom, { lengths, paddedLeaves }: PlannedSpan): Uint8Array {
    const { bytes } = buffer;
    const lent: Lent = { buffer, hashed: false, stored: false };
    this.#lent.set(bytes, lent);
    const { pool } = this.threads;
    const span = pool.hashSpan(bytes, { lengths, paddedLeaves });
    const ordered = this.#ordered?.update(bytes);
    // Both have to be done with the bytes, also when one fails.
    const hashing = Promise.allSettled([span, ordered]).then(async () => {
      lent.hashed = true;
      this.#giveBack(lent);
      await ordered;
      return span;
    });
    // Whoever finishes gets the error; until then it is not an unhandled one.
    hashing.catch(() => undefined);
    this.#spans.push(hashing);
    return bytes;
  }

  #giveBack({ buffer, hashed, stored }: Lent): void {
    if (!hashed || !stored) return;
    this.#lent.delete(buffer.bytes);
    buffer.release();
    this.#givenBack();
  }

  async #obtain(length: number): Promise<SharedRoom> {
    for (;;) {
      const common =
        this.#lent.size < AT_ONCE ? this.threads.buffers.acquire(LARGEST_SPAN_BUFFER) : null;
      const whole = common ?? this.#takeOwn();
      if (whole) return { bytes: whole.bytes.subarray(0, length), release: () => whole.release() };
      await new Promise<void>((resolve) => (this.#givenBack = resolve));
    }
  }

  /** The span of this body, unless it is in use. */
  #takeOwn(): SharedRoom | null {
    if (this.#lent.size > 0) return null;
    this.#own ??= {
      bytes: new Uint8Array(new SharedArrayBuffer(LARGEST_SPAN_BUFFER)),
      release: () => undefined,
    };
    return this.#own;
  }

  async #finishHere(): Promise<BodyHashes> {
    const body = Buffer.concat(this.#small);
    const hasher = new InlineHasher();
    const spans: SpanHashes[] = [];
    let at = 0;
    for (let span = this.#planner.next(); span; span = this.#planner.next()) {
      const { length, lengths, paddedLeaves } = span;
      // Not shared memory, but nothing else runs while it is hashed.
      const bytes = body.subarray(at, at + length) as Uint8Array as Uint8Array<SharedArrayBuffer>;
      spans.push(await hasher.hashSpan(bytes, { lengths, paddedLeaves }));
      at += length;
    }
    const { digest, pieceLengthV1 } = this.cut;
    return {
      length: body.length,
      leaves: Buffer.concat(spans.map(({ leaves }) => leaves)),
      nodes: Buffer.concat(spans.map(({ roots }) => roots)),
      digest: digest ? hash('sha256', body, 'buffer') : Buffer.alloc(0),
      piecesV1: pieceLengthV1 > 0 ? piecesOf(body, pieceLengthV1) : Buffer.alloc(0),
    };
  }
}

/**
 * Frees the memory of a chunk now instead of when it is collected. A gibibyte of small buffers that
 * wait for the collector makes it run over the whole heap again and again: three times the work.
 */
function giveUp(chunk: Buffer): void {
  const { buffer } = chunk;
  const isAlone = chunk.byteOffset === 0 && chunk.length === buffer.byteLength;
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

const NO_ORDERED = { digest: Buffer.alloc(0), piecesV1: Buffer.alloc(0) };

function piecesOf(body: Buffer, pieceLength: number): Buffer {
  const hasher = new PieceHasherV1(pieceLength);
  hasher.update(body);
  return hasher.finish();
}

function sumOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}
