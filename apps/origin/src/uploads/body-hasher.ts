import { hash } from 'node:crypto';

import { InlineHasher, type BufferPool, type HashPool, type SpanHashes } from '#lib/swarm';
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
/** Spans of one body that are being hashed at once. */
const AT_ONCE = 4;

/**
 * Hashes a body on threads while it comes in. Chunks are gathered as they are until a span is full,
 * then copied into shared memory at once: a sender that is slow, or silent, holds none of it.
 */
export class BodyHasher {
  readonly #planner: SpanPlanner;
  readonly #ordered: ReturnType<HashPool['ordered']> | null = null;
  readonly #spans: Promise<SpanHashes>[] = [];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #next: PlannedSpan | null;
  #length = 0;

  constructor(
    private readonly threads: Threads,
    private readonly cut: BodyCut,
  ) {
    this.#planner = new SpanPlanner(cut);
    this.#next = this.#planner.next();
    const { digest, pieceLengthV1 } = cut;
    const isSmall = cut.stretches !== null && sumOf(cut.stretches) <= HASHED_HERE;
    if ((digest || pieceLengthV1 > 0) && !isSmall) {
      this.#ordered = threads.pool.ordered({ digest, pieceLengthV1 });
    }
  }

  /** Bytes taken in so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes the next bytes, which must not change any more. Wait for it before the next call: it is
   * how a fast sender is held to the speed of hashing.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    this.#length += chunk.length;
    while (this.#next && this.#pendingBytes >= this.#next.length && !this.#isSmall()) {
      await this.#send(this.#next);
      this.#next = this.#planner.next();
    }
  }

  /**
   * Call it once, after all bytes of all stretches.
   * @throws FleetseedError INTERNAL when a thread ended, SHUTTING_DOWN
   */
  async finish(): Promise<BodyHashes> {
    if (this.#isSmall()) return this.#finishHere();
    for (const span of this.#rest()) await this.#send(span);
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

  /** Nobody wants the hashes any more. Does nothing after `finish`. */
  drop(): void {
    this.#pending = [];
    this.#ordered?.drop();
  }

  #isSmall(): boolean {
    return this.#spans.length === 0 && this.#length <= HASHED_HERE && !this.#ordered;
  }

  *#rest(): Generator<PlannedSpan> {
    for (let span = this.#next; this.#pendingBytes > 0 && span; span = this.#planner.next()) {
      yield span.length <= this.#pendingBytes ? span : this.#planner.last(this.#pendingBytes);
    }
  }

  async #send(span: PlannedSpan): Promise<void> {
    // The one before the last few has to be done: so much of a body is in shared memory at most.
    await this.#spans[this.#spans.length - AT_ONCE];
    const buffer = await this.threads.buffers.obtain(span.length);
    this.#take(buffer.bytes);
    const { lengths, paddedLeaves } = span;
    const hashing = Promise.all([
      this.threads.pool.hashSpan(buffer.bytes, { lengths, paddedLeaves }),
      this.#ordered?.update(buffer.bytes),
    ]);
    // Both have to be done with the bytes, also when one fails.
    const settled = Promise.allSettled([hashing]).then(async () => {
      buffer.release();
      return (await hashing)[0];
    });
    settled.catch(() => undefined);
    this.#spans.push(settled);
  }

  /** Moves the first pending bytes into `target`, which they fill. */
  #take(target: Uint8Array): void {
    let at = 0;
    let used = 0;
    while (at < target.length) {
      const chunk = this.#pending[used]!;
      const room = target.length - at;
      target.set(chunk.length <= room ? chunk : chunk.subarray(0, room), at);
      at += Math.min(chunk.length, room);
      if (chunk.length > room) this.#pending[used] = chunk.subarray(room);
      else used++;
    }
    this.#pending.splice(0, used);
    this.#pendingBytes -= target.length;
  }

  async #finishHere(): Promise<BodyHashes> {
    const body = Buffer.concat(this.#pending);
    const hasher = new InlineHasher();
    const leaves: Buffer[] = [];
    const nodes: Buffer[] = [];
    let at = 0;
    for (const { length, lengths, paddedLeaves } of this.#rest()) {
      // Not shared memory, but nothing else runs while it is hashed.
      const bytes = body.subarray(at, at + length) as Uint8Array as Uint8Array<SharedArrayBuffer>;
      const hashes = await hasher.hashSpan(bytes, { lengths, paddedLeaves });
      leaves.push(hashes.leaves);
      nodes.push(hashes.roots);
      at += length;
      this.#pendingBytes -= length;
    }
    const { digest, pieceLengthV1 } = this.cut;
    return {
      length: body.length,
      leaves: Buffer.concat(leaves),
      nodes: Buffer.concat(nodes),
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
