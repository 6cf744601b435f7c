import { hash } from 'node:crypto';

import type { ChunkOptions } from '#lib/depot';
import { sharedIoBytes } from '#lib/runtime';
import {
  InlineHasher,
  LARGEST_SPAN_BUFFER,
  type BufferPool,
  type HashPool,
  type OpenFile,
  type SpanBuffer,
  type SpanHashes,
  type StoredSpan,
} from '#lib/swarm';
import { PieceHasherV1 } from '#lib/torrent';

import type { BodySource } from './body-source.js';
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
  readonly pool: Pick<HashPool, 'storeSpan' | 'ordered'>;
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
  readonly span: PlannedSpan;
  /** Settles with the hashing; null before it has begun. */
  hashing: Promise<StoredSpan> | null;
  hashed: boolean;
  stored: boolean;
}

/**
 * Hashes a body on threads while it goes into the depot. The bytes are put once into shared memory,
 * and from there a thread hashes them and writes them into the file that the depot has open, all
 * while they are in its cache. A depot without files is lent them.
 *
 * A body has one span of its own when the common memory is used up, so that no sender, however slow,
 * holds up another.
 */
export class BodyHasher {
  readonly #planner: SpanPlanner;
  readonly #spans: Promise<StoredSpan>[] = [];
  readonly #lent = new Map<Uint8Array, Lent>();
  readonly #isSmall: boolean;
  /** Every slice of a span is a v1 piece as well. */
  readonly #slicesV1: boolean;
  #small = Buffer.alloc(0);
  #ordered: ReturnType<HashPool['ordered']> | null = null;
  #own: SharedRoom | null = null;
  #givenBack: () => void = () => undefined;
  #length = 0;
  #isClosed = false;

  constructor(
    private readonly threads: Threads,
    private readonly cut: BodyCut,
  ) {
    this.#planner = new SpanPlanner(cut);
    this.#isSmall = cut.stretches !== null && sumOf(cut.stretches) <= HASHED_HERE;
    this.#slicesV1 = cut.stretches?.length === 1 && cut.pieceLengthV1 === cut.nodeSpan;
  }

  /** Bytes taken in so far. */
  get length(): number {
    return this.#length;
  }

  /** How the depot is to deal with what `through` gives it. */
  get lending(): Pick<ChunkOptions, 'onDone' | 'writeAt'> {
    if (this.#isSmall) return {};
    return {
      onDone: (chunk) => this.stored(chunk),
      writeAt: (chunk, descriptor, position) => this.#write(chunk, { descriptor, position }),
    };
  }

  /**
   * The bytes of `source`, as far as the stretches go, in chunks that are lent: whoever takes them
   * does as `lending` says, or calls `stored` with each. One that ends early ends this.
   */
  async *through(source: BodySource): AsyncGenerator<Uint8Array> {
    if (this.#isSmall) {
      yield* this.#keep(source);
      return;
    }
    const { digest, pieceLengthV1 } = this.cut;
    const orderedV1 = this.#slicesV1 ? 0 : pieceLengthV1;
    if (digest || orderedV1 > 0) {
      this.#ordered = this.threads.pool.ordered({ digest, pieceLengthV1: orderedV1 });
    }
    for (let span = this.#planner.next(); span; span = this.#planner.next()) {
      const lent = await this.#next(source, span);
      if (!lent) return;
      yield lent.buffer.bytes;
      // Whoever did not write it asks for the next now.
      this.#begin(lent, null);
      if (lent.buffer.bytes.length < span.length) return;
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
    const ordered = (await this.#ordered?.finish()) ?? NO_ORDERED;
    return {
      length: this.#length,
      leaves: Buffer.concat(spans.map(({ leaves }) => leaves)),
      nodes: Buffer.concat(spans.map(({ roots }) => roots)),
      digest: ordered.digest,
      piecesV1: this.#slicesV1
        ? Buffer.concat(spans.map(({ piecesV1 }) => piecesV1))
        : ordered.piecesV1,
    };
  }

  /** To be called at the end, when the depot has nothing of this body in its hands any more. */
  close(): void {
    this.#isClosed = true;
    this.#ordered?.drop();
    for (const [chunk, lent] of this.#lent) {
      lent.hashed ||= lent.hashing === null;
      this.stored(chunk);
    }
  }

  async *#keep(source: BodySource): AsyncGenerator<Uint8Array> {
    const room = Buffer.allocUnsafeSlow(sumOf(this.cut.stretches!));
    this.#length = await source.fill(room);
    this.#small = room.subarray(0, this.#length);
    if (this.#length > 0) yield this.#small;
  }

  /** The next span with its bytes; a short one when the source ends; null when there is none. */
  async #next(source: BodySource, span: PlannedSpan): Promise<Lent | null> {
    const whole = await this.#obtain(span.length);
    try {
      const count = await source.fill(whole.bytes);
      this.#length += count;
      const isCut = count < span.length;
      // Of a known length it is missing the rest: who knows the length says so. And a body that is
      // given up is still waited for here; nobody takes what comes then.
      if (this.#isClosed || count === 0 || (isCut && this.cut.stretches !== null)) {
        whole.release();
        return null;
      }
      const bytes = isCut ? whole.bytes.subarray(0, count) : whole.bytes;
      const buffer = { bytes, release: () => whole.release() };
      const planned = isCut ? this.#planner.last(count) : span;
      const lent: Lent = { buffer, span: planned, hashing: null, hashed: false, stored: false };
      this.#lent.set(bytes, lent);
      return lent;
    } catch (error) {
      whole.release();
      throw error;
    }
  }

  /** The depot has opened a file. */
  async #write(chunk: Uint8Array, file: OpenFile): Promise<void> {
    const lent = this.#lent.get(chunk);
    if (!lent) throw new Error('A chunk is to be written that was not handed out.');
    this.#begin(lent, file);
    try {
      await lent.hashing;
    } finally {
      this.stored(chunk);
    }
  }

  #begin(lent: Lent, file: OpenFile | null): void {
    if (lent.hashing) return;
    const { bytes } = lent.buffer;
    const { lengths, paddedLeaves } = lent.span;
    const { pool } = this.threads;
    const span = pool.storeSpan(bytes, { lengths, paddedLeaves, sha1: this.#slicesV1, file });
    const ordered = this.#ordered?.update(bytes);
    // Both have to be done with the bytes, also when one fails.
    lent.hashing = Promise.allSettled([span, ordered]).then(async () => {
      lent.hashed = true;
      this.#giveBack(lent);
      await ordered;
      return span;
    });
    // Whoever finishes gets the error; until then it is not an unhandled one.
    lent.hashing.catch(() => undefined);
    this.#spans.push(lent.hashing);
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
      bytes: sharedIoBytes(LARGEST_SPAN_BUFFER),
      release: () => undefined,
    };
    return this.#own;
  }

  async #finishHere(): Promise<BodyHashes> {
    const body = this.#small;
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

const NO_ORDERED = { digest: Buffer.alloc(0), piecesV1: Buffer.alloc(0) };

function piecesOf(body: Buffer, pieceLength: number): Buffer {
  const hasher = new PieceHasherV1(pieceLength);
  hasher.update(body);
  return hasher.finish();
}

function sumOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}
