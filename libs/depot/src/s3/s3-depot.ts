import type { Readable } from 'node:stream';

import { FleetseedError } from '#lib/contracts';
import { silentLogger, systemClock } from '#lib/runtime';

import { assertDocumentSize, assertParts, notFound } from '../depot-checks.js';
import { ensureIdentity, type DepotIdentity } from '../depot-identity.js';
import { assertKey, assertPrefix } from '../depot-key.js';
import type {
  ByteRange,
  ChunkOptions,
  Chunks,
  Depot,
  DepotLimits,
  KeyPage,
  ListOptions,
  ObjectReader,
  PartedObject,
  PutOptions,
  StoredDocument,
} from '../depot.js';
import { MemoryBudget } from './memory-budget.js';
import { S3DirectParts } from './s3-direct-parts.js';
import { S3Documents } from './s3-documents.js';
import { S3Door } from './s3-door.js';
import { listKeys } from './s3-listing.js';
import { S3Mover } from './s3-mover.js';
import { LARGEST_PART, LEAST_PART, MOST_PARTS } from './s3-multipart.js';
import { S3ObjectReader } from './s3-object-reader.js';
import type { S3DepotOptions } from './s3-options.js';
import { S3Parts } from './s3-parts.js';
import { probeStore } from './s3-probe.js';
import { S3Reads } from './s3-reads.js';
import { removeKey } from './s3-removal.js';
import { S3Writer } from './s3-writer.js';
import { SpanCache } from './span-cache.js';

const ABANDONED_PARTS_MS = 14 * 86_400_000;
/** Bodies on their way are kept in this much memory, so that they can be sent again. */
const KEPT_BODIES_BYTES = 64 * 1024 * 1024;
const READ_CACHE_BYTES = 16 * 1024 * 1024;

/**
 * A depot in a bucket of S3, or of a store that speaks it, for any number of processes: key `a/b` is
 * the object `<prefix>/a/b`. Names with a dot in front are its own.
 */
export class S3Depot implements Depot {
  readonly limits: DepotLimits = {
    minPartLength: LEAST_PART,
    maxPartLength: LARGEST_PART,
    maxParts: MOST_PARTS,
  };
  readonly direct: S3DirectParts;
  readonly #running = new Set<Promise<unknown>>();
  readonly #documents: S3Documents;
  readonly #reads: S3Reads;
  readonly #writer: S3Writer;
  readonly #parts: S3Parts;
  readonly #mover: S3Mover;
  readonly #spans: SpanCache;
  #identity: DepotIdentity | undefined;

  private constructor(
    private readonly door: S3Door,
    private readonly options: S3DepotOptions,
  ) {
    const memory = new MemoryBudget(KEPT_BODIES_BYTES);
    this.#documents = new S3Documents(door);
    this.#reads = new S3Reads(door);
    this.#writer = new S3Writer(door, memory);
    this.#parts = new S3Parts(door, this.#documents, memory);
    this.direct = new S3DirectParts(door, this.limits);
    this.#mover = new S3Mover(door, this.#reads, options.copyLimit);
    this.#spans = new SpanCache(this.#reads, options.readCacheBytes ?? READ_CACHE_BYTES);
  }

  /** @throws DEPOT_UNUSABLE naming the setting that is wrong; DEPOT_FORMAT_NEWER, DEPOT_CORRUPT */
  static async open(options: S3DepotOptions): Promise<S3Depot> {
    const door = new S3Door(options);
    const depot = new S3Depot(door, options);
    const { clock = systemClock, settings = {} } = options;
    try {
      await probeStore(door);
      depot.#identity = await ensureIdentity(depot, settings, new Date(clock.now()));
    } catch (error) {
      door.destroy();
      throw error;
    }
    depot.#sweep();
    return depot;
  }

  get identity(): DepotIdentity {
    if (!this.#identity) throw new FleetseedError('INTERNAL', 'The depot is not open yet.');
    return this.#identity;
  }

  async readDocument(key: string): Promise<StoredDocument | null> {
    this.#check(key);
    return this.#documents.read(key);
  }

  async createDocument(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#check(key);
    assertDocumentSize(key, bytes);
    return this.#tracked(this.#documents.create(key, bytes));
  }

  async replaceDocument(
    key: string,
    bytes: Uint8Array,
    expectedVersion: string,
  ): Promise<string | null> {
    this.#check(key);
    assertDocumentSize(key, bytes);
    return this.#tracked(this.#documents.replace(key, bytes, expectedVersion));
  }

  async delete(key: string): Promise<void> {
    this.#check(key);
    await this.#tracked(removeKey(this.door, key));
  }

  async list(prefix: string, options: ListOptions = {}): Promise<KeyPage> {
    this.#checkOpen();
    assertPrefix(prefix);
    return listKeys(this.door, prefix, options);
  }

  async putObject(key: string, chunks: Chunks, options: PutOptions = {}): Promise<number> {
    this.#check(key);
    return this.#tracked(this.#writer.put(key, chunks, options));
  }

  async statObject(key: string): Promise<{ readonly length: number } | null> {
    this.#check(key);
    const length = await this.#reads.stat(key);
    return length === null ? null : { length };
  }

  async readObject(key: string, range?: ByteRange): Promise<Buffer> {
    this.#check(key);
    return this.#reads.read(key, range);
  }

  async streamObject(
    key: string,
    range?: ByteRange,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Readable> {
    this.#check(key);
    return this.#reads.stream(key, range, options.signal);
  }

  async openForRead(key: string): Promise<ObjectReader> {
    this.#check(key);
    const length = await this.#reads.stat(key);
    if (length === null) throw notFound(key);
    return new S3ObjectReader(key, length, this.#spans);
  }

  async moveObject(from: string, to: string): Promise<void> {
    this.#check(from);
    this.#check(to);
    await this.#tracked(this.#mover.move(from, to));
  }

  async beginParts(key: string, length: number, partLength: number): Promise<PartedObject> {
    this.#check(key);
    assertParts(length, partLength, this.limits);
    const now = (this.options.clock ?? systemClock).now();
    return this.#tracked(this.#parts.begin(key, length, partLength, now));
  }

  async putPart(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options: ChunkOptions = {},
  ): Promise<boolean> {
    this.#check(parted.key);
    const { closing } = this.door;
    const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing;
    return this.#tracked(this.#parts.put(parted, index, chunks, { ...options, signal }));
  }

  async listParts(parted: PartedObject): Promise<number[]> {
    this.#check(parted.key);
    return this.#parts.list(parted);
  }

  async commitParts(parted: PartedObject): Promise<void> {
    this.#check(parted.key);
    await this.#tracked(this.#parts.commit(parted));
  }

  async abortParts(parted: PartedObject): Promise<void> {
    this.#check(parted.key);
    await this.#tracked(this.#parts.abort(parted));
  }

  async close(): Promise<void> {
    if (this.door.closing.aborted) return;
    this.door.close(new FleetseedError('SHUTTING_DOWN', 'The depot is closed.'));
    await Promise.allSettled(this.#running);
    this.door.destroy();
  }

  /** Goes on while the depot is used: nobody has to wait for what others have abandoned. */
  #sweep(): void {
    const { clock = systemClock, logger = silentLogger, abandonedPartsMs } = this.options;
    const time = clock.now() - (abandonedPartsMs ?? ABANDONED_PARTS_MS);
    this.#tracked(this.#parts.sweep(time)).catch((error: unknown) => {
      if (!this.door.closing.aborted) logger.warn('abandoned parts not dropped', { error });
    });
  }

  async #tracked<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }

  #check(key: string): void {
    this.#checkOpen();
    assertKey(key);
  }

  #checkOpen(): void {
    this.door.closing.throwIfAborted();
  }
}
