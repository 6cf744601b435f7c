import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';

import { FleetseedError } from '#lib/contracts';
import { systemClock, type Clock } from '#lib/runtime';

import { assertDocumentSize, assertParts, pageLimit, versionOf } from '../depot-checks.js';
import { ensureIdentity, type DepotIdentity, type DepotSettings } from '../depot-identity.js';
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
import { DepotFiles } from './depot-files.js';
import { FolderKeeper } from './folder-keeper.js';
import { FolderLock } from './folder-lock.js';
import { io, isSystemError, translated } from './fs-errors.js';
import { FsObjectReader } from './fs-object-reader.js';
import { walkKeys } from './key-walk.js';
import { KeyedMutex } from './keyed-mutex.js';
import { PartedFiles } from './parted-files.js';
import { SpaceGuard } from './space-guard.js';

export interface FsDepotOptions {
  /** The folder; made if it is not there. */
  readonly root: string;
  /** Room that objects leave free for documents, in bytes; by default 64 MiB, on a small disk 2 %. */
  readonly reserveBytes?: number;
  /** What all replicas must share, written into `depot.json` when the depot is new. */
  readonly settings?: DepotSettings;
  /** Objects in parts that nobody touched for so long are dropped at open; 14 days by default. */
  readonly abandonedPartsMs?: number;
  readonly clock?: Clock;
}

const ABANDONED_PARTS_MS = 14 * 86_400_000;

/**
 * A depot in a folder of one machine, for one process at a time: key `a/b` is the file `a/b`.
 * Names with a dot in front are its own: `.lock`, `.tmp` for what is being written, `.parts`.
 */
export class FsDepot implements Depot {
  readonly limits: DepotLimits = {
    minPartLength: 16_384,
    maxPartLength: 1024 ** 3,
    maxParts: 10_000,
  };
  readonly direct = null;
  /** A document's read-compare-rename and its removal exclude each other; the lock excludes others. */
  readonly #changes = new KeyedMutex();
  readonly #closing = new AbortController();
  readonly #writing = new Set<Promise<unknown>>();
  readonly #folders: FolderKeeper;
  readonly #files: DepotFiles;
  readonly #parted: PartedFiles;
  #identity: DepotIdentity | undefined;

  private constructor(
    private readonly root: string,
    private readonly lock: FolderLock,
    reserveBytes: number | null,
  ) {
    const space = new SpaceGuard(root, reserveBytes);
    this.#folders = new FolderKeeper(root);
    this.#files = new DepotFiles(join(root, '.tmp'), this.#folders, space);
    this.#parted = new PartedFiles(join(root, '.parts'), this.#folders, space);
  }

  /** @throws DEPOT_LOCKED, DEPOT_FORMAT_NEWER, DEPOT_CORRUPT, DISK_IO */
  static async open(options: FsDepotOptions): Promise<FsDepot> {
    const clock = options.clock ?? systemClock;
    const root = resolve(options.root);
    await io(root, mkdir(root, { recursive: true, mode: 0o700 }));
    const lock = await io(root, FolderLock.acquire(join(root, '.lock')));
    try {
      const depot = new FsDepot(root, lock, options.reserveBytes ?? null);
      await depot.#begin(options, clock);
      return depot;
    } catch (error) {
      await lock.release();
      throw translated(error, root);
    }
  }

  /** The identity comes first: in a depot of a newer format nothing is touched. */
  async #begin(options: FsDepotOptions, clock: Clock): Promise<void> {
    const abandonedMs = options.abandonedPartsMs ?? ABANDONED_PARTS_MS;
    await this.#files.prepare();
    this.#identity = await ensureIdentity(this, options.settings ?? {}, new Date(clock.now()));
    await this.#files.removeLeftovers();
    await this.#parted.sweep(clock.now(), abandonedMs);
  }

  get identity(): DepotIdentity {
    if (!this.#identity) throw new FleetseedError('INTERNAL', 'The depot is not open yet.');
    return this.#identity;
  }

  async readDocument(key: string): Promise<StoredDocument | null> {
    const bytes = await this.#files.read(key, this.#path(key));
    return bytes ? { bytes, version: versionOf(bytes) } : null;
  }

  async createDocument(key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#path(key);
    assertDocumentSize(key, bytes);
    return this.#tracked(this.#files.create(key, path, bytes));
  }

  async replaceDocument(
    key: string,
    bytes: Uint8Array,
    expectedVersion: string,
  ): Promise<string | null> {
    const path = this.#path(key);
    assertDocumentSize(key, bytes);
    const replace = async () => {
      const current = await this.#files.read(key, path);
      if (!current || versionOf(current) !== expectedVersion) return null;
      await this.#files.replace(key, path, bytes);
      return versionOf(bytes);
    };
    return this.#tracked(this.#changes.run(key, replace));
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    return this.#tracked(this.#changes.run(key, () => this.#files.remove(key, path)));
  }

  async list(prefix: string, options: ListOptions = {}): Promise<KeyPage> {
    this.#checkOpen();
    assertPrefix(prefix);
    const limit = pageLimit(options);
    const keys: string[] = [];
    const walk = { prefix, after: options.after, folders: options.folders ?? false };
    for await (const key of walkKeys(this.root, walk)) {
      if (keys.length === limit) return { keys, next: keys.at(-1) ?? null };
      keys.push(key);
    }
    return { keys, next: null };
  }

  async putObject(key: string, chunks: Chunks, options: PutOptions = {}): Promise<number> {
    const path = this.#path(key);
    const signal = this.#signal(options.signal);
    const { length: expected, ...lent } = options;
    const write = { ...lent, key, chunks, expected, position: 0, signal };
    return this.#tracked(this.#files.write(path, write));
  }

  async statObject(key: string): Promise<{ readonly length: number } | null> {
    try {
      const found = await stat(this.#path(key));
      return found.isFile() ? { length: found.size } : null;
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
      throw translated(error, key);
    }
  }

  async readObject(key: string, range?: ByteRange): Promise<Buffer> {
    const reader = await FsObjectReader.open(key, this.#path(key));
    try {
      return await reader.readRange(range);
    } finally {
      await reader.close();
    }
  }

  async streamObject(
    key: string,
    range?: ByteRange,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Readable> {
    const reader = await FsObjectReader.open(key, this.#path(key));
    try {
      return reader.stream(range, options.signal);
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  async openForRead(key: string): Promise<ObjectReader> {
    return FsObjectReader.open(key, this.#path(key));
  }

  async moveObject(from: string, to: string): Promise<void> {
    await this.#tracked(this.#files.move(from, this.#path(from), to, this.#path(to)));
  }

  async beginParts(key: string, length: number, partLength: number): Promise<PartedObject> {
    this.#path(key);
    assertParts(length, partLength, this.limits);
    return this.#tracked(this.#parted.begin(key, length, partLength));
  }

  async putPart(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options: ChunkOptions = {},
  ): Promise<boolean> {
    this.#checkOpen();
    const given = { ...options, signal: this.#signal(options.signal) };
    return this.#tracked(this.#parted.put(parted, index, chunks, given));
  }

  async listParts(parted: PartedObject): Promise<number[]> {
    this.#checkOpen();
    return this.#parted.list(parted);
  }

  async commitParts(parted: PartedObject): Promise<void> {
    const path = this.#path(parted.key);
    const commit = () => this.#parted.commit(parted, path);
    await this.#tracked(io(parted.key, this.#folders.within(dirname(path), commit)));
  }

  async abortParts(parted: PartedObject): Promise<void> {
    this.#checkOpen();
    await this.#tracked(this.#parted.abort(parted));
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new FleetseedError('SHUTTING_DOWN', 'The depot is closed.'));
    // The next process must not meet a write of this one.
    await Promise.allSettled(this.#writing);
    await this.lock.release();
  }

  async #tracked<T>(write: Promise<T>): Promise<T> {
    this.#writing.add(write);
    try {
      return await write;
    } finally {
      this.#writing.delete(write);
    }
  }

  #path(key: string): string {
    this.#checkOpen();
    assertKey(key);
    return join(this.root, key);
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
  }

  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}
