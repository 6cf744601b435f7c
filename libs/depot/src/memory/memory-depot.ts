import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import { FleetseedError } from '#lib/contracts';

import { abortableChunks } from '../abortable-chunks.js';
import {
  assertDocumentSize,
  assertParts,
  lengthMismatch,
  notFound,
  pageLimit,
  partCount,
  partRange,
  rangeError,
  resolveRange,
  uploadGone,
  uploadIncomplete,
  versionOf,
} from '../depot-checks.js';
import { ensureIdentity, type DepotIdentity, type DepotSettings } from '../depot-identity.js';
import { assertKey, assertPrefix, compareKeys } from '../depot-key.js';
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

/** What a memory depot keeps; hand the same one to a second depot to play a restart. */
export interface MemoryDepotContent {
  readonly values: Map<string, Buffer>;
  readonly parted: Map<string, Map<number, Buffer>>;
}

export function emptyContent(): MemoryDepotContent {
  return { values: new Map(), parted: new Map() };
}

/** A depot for tests and the simulator: the whole contract but for durability. */
export class MemoryDepot implements Depot {
  readonly limits: DepotLimits = {
    minPartLength: 16_384,
    maxPartLength: 1024 ** 3,
    maxParts: 10_000,
  };
  readonly direct = null;
  readonly #closing = new AbortController();
  #identity: DepotIdentity | undefined;

  private constructor(private readonly content: MemoryDepotContent) {}

  static async open(
    options: { settings?: DepotSettings; content?: MemoryDepotContent } = {},
  ): Promise<MemoryDepot> {
    const depot = new MemoryDepot(options.content ?? emptyContent());
    depot.#identity = await ensureIdentity(depot, options.settings ?? {}, new Date());
    return depot;
  }

  get identity(): DepotIdentity {
    if (!this.#identity) throw new FleetseedError('INTERNAL', 'The depot is not open yet.');
    return this.#identity;
  }

  async readDocument(key: string): Promise<StoredDocument | null> {
    this.#check(key);
    const bytes = this.content.values.get(key);
    return bytes ? { bytes: Buffer.from(bytes), version: versionOf(bytes) } : null;
  }

  async createDocument(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#check(key);
    assertDocumentSize(key, bytes);
    if (this.content.values.has(key)) return false;
    this.content.values.set(key, Buffer.from(bytes));
    return true;
  }

  async replaceDocument(
    key: string,
    bytes: Uint8Array,
    expectedVersion: string,
  ): Promise<string | null> {
    this.#check(key);
    assertDocumentSize(key, bytes);
    const current = this.content.values.get(key);
    if (!current || versionOf(current) !== expectedVersion) return null;
    this.content.values.set(key, Buffer.from(bytes));
    return versionOf(bytes);
  }

  async delete(key: string): Promise<void> {
    this.#check(key);
    this.content.values.delete(key);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<KeyPage> {
    this.#checkOpen();
    assertPrefix(prefix);
    const limit = pageLimit(options);
    const shown = new Set<string>();
    for (const key of [...this.content.values.keys()].sort(compareKeys)) {
      if (!key.startsWith(prefix)) continue;
      const slash = options.folders ? key.indexOf('/', prefix.length) : -1;
      const entry = slash < 0 ? key : key.slice(0, slash + 1);
      if (options.after !== undefined && entry <= options.after) continue;
      shown.add(entry);
      if (shown.size > limit) break;
    }
    const keys = [...shown].slice(0, limit);
    return { keys, next: shown.size > limit ? (keys.at(-1) ?? null) : null };
  }

  async putObject(key: string, chunks: Chunks, options: PutOptions = {}): Promise<number> {
    this.#check(key);
    const bytes = await this.#gather(key, chunks, options.length, options);
    this.content.values.set(key, bytes);
    return bytes.length;
  }

  async statObject(key: string): Promise<{ readonly length: number } | null> {
    this.#check(key);
    const bytes = this.content.values.get(key);
    return bytes ? { length: bytes.length } : null;
  }

  async readObject(key: string, range?: ByteRange): Promise<Buffer> {
    const bytes = this.#object(key);
    const { offset, length } = resolveRange(key, range, bytes.length);
    return Buffer.from(bytes.subarray(offset, offset + length));
  }

  async streamObject(key: string, range?: ByteRange): Promise<Readable> {
    const bytes = await this.readObject(key, range);
    return Readable.from(bytes.length > 0 ? [bytes] : [], { objectMode: false });
  }

  async openForRead(key: string): Promise<ObjectReader> {
    const bytes = this.#object(key);
    return {
      length: bytes.length,
      async read(buffer, bufferOffset, length, position) {
        const wanted = { offset: position, length };
        resolveRange(key, wanted, bytes.length);
        if (bufferOffset + length > buffer.length) throw rangeError(key, wanted, bytes.length);
        buffer.set(bytes.subarray(position, position + length), bufferOffset);
      },
      async close() {},
    };
  }

  async moveObject(from: string, to: string): Promise<void> {
    this.#check(to);
    const bytes = this.#object(from);
    if (from === to) return;
    this.content.values.set(to, bytes);
    this.content.values.delete(from);
  }

  async beginParts(key: string, length: number, partLength: number): Promise<PartedObject> {
    this.#check(key);
    assertParts(length, partLength, this.limits);
    const handle = randomUUID();
    this.content.parted.set(handle, new Map());
    return { key, handle, length, partLength };
  }

  async putPart(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options: ChunkOptions = {},
  ): Promise<boolean> {
    const { length } = partRange(parted, index);
    if (this.#parts(parted).has(index)) return false;
    const bytes = await this.#gather(parted.key, chunks, length, options);
    const parts = this.#parts(parted);
    if (parts.has(index)) return false;
    parts.set(index, bytes);
    return true;
  }

  async listParts(parted: PartedObject): Promise<number[]> {
    return [...this.#parts(parted).keys()].sort((a, b) => a - b);
  }

  async commitParts(parted: PartedObject): Promise<void> {
    const parts = this.#parts(parted);
    const wanted = partCount(parted);
    if (parts.size < wanted) throw uploadIncomplete(parted, parts.size);
    const inOrder = Array.from({ length: wanted }, (_, index) => parts.get(index)!);
    this.content.values.set(parted.key, Buffer.concat(inOrder));
    this.content.parted.delete(parted.handle);
  }

  async abortParts(parted: PartedObject): Promise<void> {
    this.#checkOpen();
    this.content.parted.delete(parted.handle);
  }

  async close(): Promise<void> {
    this.#closing.abort(new FleetseedError('SHUTTING_DOWN', 'The depot is closed.'));
  }

  #parts(parted: PartedObject): Map<number, Buffer> {
    this.#checkOpen();
    const parts = this.content.parted.get(parted.handle);
    if (!parts) throw uploadGone(parted);
    return parts;
  }

  #object(key: string): Buffer {
    this.#check(key);
    const bytes = this.content.values.get(key);
    if (!bytes) throw notFound(key);
    return bytes;
  }

  async #gather(
    key: string,
    chunks: Chunks,
    expected: number | undefined,
    { signal, onDone }: ChunkOptions,
  ): Promise<Buffer> {
    const gathered: Uint8Array[] = [];
    let length = 0;
    const closing = this.#closing.signal;
    const either = signal ? AbortSignal.any([signal, closing]) : closing;
    for await (const chunk of abortableChunks(chunks, either)) {
      length += chunk.length;
      if (expected !== undefined && length > expected) throw lengthMismatch(key, expected, length);
      // A chunk that is lent is used again when it is given back.
      gathered.push(onDone ? Buffer.from(chunk) : chunk);
      onDone?.(chunk);
    }
    if (expected !== undefined && length < expected) throw lengthMismatch(key, expected, length);
    return Buffer.concat(gathered);
  }

  #check(key: string): void {
    this.#checkOpen();
    assertKey(key);
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
