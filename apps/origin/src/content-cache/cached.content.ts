import { FleetseedError } from '#lib/contracts';
import type { ContentFile, ContentReads, Depot } from '#lib/depot';
import type { Clock } from '#lib/runtime';

import type { CacheCounters } from './cache.counters.js';
import { LruPolicy } from './lru.policy.js';
import { ObjectProofs } from './object.proofs.js';
import { ReadAhead } from './read.ahead.js';
import type { SpanDisk } from './span.disk.js';
import { spanName, type SpanHead } from './span.file.js';
import { SpanMemory, type Arriving } from './span.memory.js';
import { assertProven, type ObjectProof, type Span } from './span.proof.js';
import { StoreTrials } from './store.trials.js';

/** A read waits so long at most; what it waited for goes on coming, and is there the next time, ms. */
const PATIENCE_MS = 10_000;
/** Objects whose readers are told apart. */
const WATCHED_OBJECTS = 256;

export interface CachedContentOptions {
  readonly depot: Pick<Depot, 'readObject'>;
  /** Null: nothing is kept on a disk. */
  readonly disk: SpanDisk | null;
  /** Bytes of spans in memory: on their way, or the last that came. */
  readonly memoryBytes: number;
  readonly counters: CacheCounters;
  readonly clock: Clock;
  readonly patienceMs?: number;
}

/**
 * Content of a depot that is far away, read through memory and disk in spans of several megabytes.
 *
 * A span that comes from the store is checked against the leaf hashes of its files, and those against
 * the metainfo's pieces or the pack's id, before anybody is given a byte of it; on the disk it has
 * sums of its own, which are checked at each read. What does not fit is not given: it is got again.
 */
export class CachedContent implements ContentReads {
  readonly #proofs: ObjectProofs;
  readonly #memory: SpanMemory;
  readonly #trials = new StoreTrials();
  readonly #ahead = new LruPolicy<ReadAhead>(WATCHED_OBJECTS);

  constructor(private readonly options: CachedContentOptions) {
    this.#proofs = new ObjectProofs(options.depot, this.#trials);
    this.#memory = new SpanMemory(options.memoryBytes);
  }

  /** @throws NOT_FOUND; RANGE_NOT_SATISFIABLE; DEPOT_INTEGRITY; PIECE_UNAVAILABLE; what the depot throws */
  async read(
    object: string,
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
    file: ContentFile,
  ): Promise<void> {
    const proof = await this.#patiently(this.#proofs.of(object, file));
    const end = position + length;
    if (position < 0 || length < 0 || end > proof.length) {
      const facts = { key: object, offset: position, wanted: length, length: proof.length };
      throw new FleetseedError('RANGE_NOT_SATISFIABLE', 'The object is not so long.', facts);
    }
    const reads: Promise<void>[] = [];
    for (let at = position; at < end;) {
      const span = proof.spanAt(at);
      const to = Math.min(end, span.offset + span.length);
      const target = buffer.subarray(bufferOffset + at - position, bufferOffset + to - position);
      reads.push(this.#readSpan(object, proof, span, target, at - span.offset));
      at = to;
    }
    // The buffer is its owner's again only when nothing more is written to it.
    const failed = (await Promise.allSettled(reads)).find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }

  async #readSpan(
    object: string,
    proof: ObjectProof,
    span: Span,
    target: Uint8Array,
    from: number,
  ): Promise<void> {
    const { counters, disk } = this.options;
    const head = { object, ...span };
    const name = spanName(head);
    if (this.#aheadOf(object).passed(span)) this.#loadNext(object, proof, span);
    const held = this.#memory.get(name);
    if (!held && (await disk?.read(name, target, 0, target.length, from))) {
      counters.reads.disk++;
      return;
    }
    if (held) disk?.touch(name);
    // Somebody may have begun to get it meanwhile.
    const now = held ?? this.#memory.get(name);
    try {
      const bytes = await this.#patiently(now?.bytes ?? this.#load(head, proof));
      target.set(bytes.subarray(from, from + target.length));
      counters.reads[now ? (now.isComing ? 'shared' : 'memory') : 'store']++;
    } catch (error) {
      counters.reads.failed++;
      throw error;
    }
  }

  #load(head: SpanHead, proof: ObjectProof): Promise<Buffer> {
    return this.#memory.load(spanName(head), head.length, (): Arriving => {
      const bytes = this.#trials.run(() => this.#fetch(head, proof));
      // A failure is told by `bytes`.
      const released = bytes.then(
        (arrived) => this.options.disk?.keep(head, arrived),
        () => undefined,
      );
      return { bytes, released };
    });
  }

  async #fetch(head: SpanHead, proof: ObjectProof): Promise<Buffer> {
    const { depot, counters } = this.options;
    const { object, offset, length } = head;
    const [bytes, stretches] = await allOf(
      depot.readObject(object, { offset, length }),
      proof.stretchesOf(head),
    );
    counters.fetchedBytes += bytes.length;
    try {
      await assertProven(object, head, bytes, stretches);
    } catch (error) {
      counters.damaged.store++;
      throw error;
    }
    return bytes;
  }

  /** Gets the next span before it is asked for, if there is room to spare. */
  #loadNext(object: string, proof: ObjectProof, { offset, length }: Span): void {
    if (offset + length >= proof.length) return;
    const next = { object, ...proof.spanAt(offset + length) };
    const name = spanName(next);
    if (this.#memory.has(name) || this.options.disk?.has(name)) return;
    // Whoever then asks for it hears of a failure, or tries again.
    if (this.#memory.hasRoom(next.length)) this.#load(next, proof).catch(() => undefined);
  }

  #aheadOf(object: string): ReadAhead {
    const known = this.#ahead.get(object);
    if (known) return known;
    const ahead = new ReadAhead();
    this.#ahead.admit(object, ahead, 1);
    this.#ahead.unpin(object);
    return ahead;
  }

  /** A peer that is told so asks elsewhere; one that waits keeps a place from all others. */
  async #patiently<T>(work: Promise<T>): Promise<T> {
    const { clock, patienceMs = PATIENCE_MS } = this.options;
    const late = Promise.withResolvers<never>();
    const cancel = clock.setTimer(patienceMs, () =>
      late.reject(new FleetseedError('PIECE_UNAVAILABLE', 'The store takes too long.')),
    );
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
    }
  }
}

/** Both, or the first failure once neither goes on. */
async function allOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
