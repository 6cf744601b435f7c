import type { Readable } from 'node:stream';

import type { DepotIdentity } from './depot-identity.js';
import type { DirectParts } from './direct-parts.js';

/** A document as read: its bytes, and the version that `replaceDocument` wants to see again. */
export interface StoredDocument {
  readonly bytes: Buffer;
  /** Opaque. Equal bytes may have equal versions, so a document that goes A, B, A needs a counter inside. */
  readonly version: string;
}

/** `length` bytes from `offset`; both in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface ListOptions {
  /** Only keys bytewise greater than this one. */
  readonly after?: string;
  /** At most so many keys; 1,000 by default and at most 10,000. */
  readonly limit?: number;
  /** Keys that go on after the next `/` behind the prefix are reported once, cut after that `/`. */
  readonly folders?: boolean;
}

export interface KeyPage {
  /** In bytewise order. With `folders`, entries that end in `/` stand for everything under them. */
  readonly keys: string[];
  /** The `after` of the next page, or null when there is no more. */
  readonly next: string | null;
}

/**
 * Chunks belong to the depot once they are yielded: their producer must not write to them again,
 * unless it is told `onDone` of {@link ChunkOptions}.
 */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface ChunkOptions {
  readonly signal?: AbortSignal;
  /**
   * Chunks are lent: told of each one, in order, when the depot is done with it, which does not wait
   * for further ones. Once the call has settled it is done with all of them, told or not.
   */
  readonly onDone?: (chunk: Uint8Array) => void;
  /**
   * Who gives the chunks may write them itself, say on a thread that has their bytes in its cache. A
   * depot that keeps objects in files of this machine calls it for each chunk, in order, but without
   * waiting for the one before: only the giver bounds how many are under way, by what it lends. The
   * whole chunk goes to `position` of the open file. Of such chunks `onDone` is not told.
   * @throws the system's error
   */
  readonly writeAt?: (chunk: Uint8Array, descriptor: number, position: number) => Promise<void>;
}

export interface PutOptions extends ChunkOptions {
  /** Bytes that will come, when known. Another number coming is `DEPOT_LENGTH_MISMATCH`. */
  readonly length?: number;
}

/**
 * A large object that arrives in parts. Plain data: keep it in a document, and go on after a restart
 * or on another replica. Part `i` covers the bytes from `i * partLength`; only the last may be shorter.
 */
export interface PartedObject {
  readonly key: string;
  /** The depot's own name for it (a staging file, an S3 upload id). */
  readonly handle: string;
  /** Bytes of the whole object. */
  readonly length: number;
  /** Bytes of every part but the last. */
  readonly partLength: number;
}

export interface DepotLimits {
  /** The least `partLength` of an object of more than one part, in bytes. */
  readonly minPartLength: number;
  readonly maxPartLength: number;
  readonly maxParts: number;
}

/** An object held open for many reads, such as seeding. Reads may run side by side. */
export interface ObjectReader {
  /** Bytes of the object. */
  readonly length: number;
  /**
   * Fills `buffer` from `bufferOffset` with exactly `length` bytes of the object from `position`.
   * @throws RANGE_NOT_SATISFIABLE if the object has not that many bytes there.
   */
  read(buffer: Uint8Array, bufferOffset: number, length: number, position: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where the truth is kept. Two kinds of values under keys:
 *
 * - **documents**: small (at most 64 MiB), read and written whole, and the only things with
 *   conditional writes;
 * - **objects**: of any size, immutable once there; putting the same key again must mean the same
 *   bytes, so that it does not matter who was last.
 *
 * What every implementation promises:
 *
 * 1. A write that returned is durable. After `TIMED_OUT`, `DISK_IO`, `DEPOT_UNAVAILABLE` or the end
 *    of the process its outcome is unknown: re-read. Any other error left nothing visible.
 * 2. `createDocument` has exactly one winner of any number of racers, and `replaceDocument`
 *    succeeds only on the version it was given.
 * 3. Values appear whole or not at all; no reader sees half of one.
 * 4. A read sees every write that returned before it began (no eventual consistency).
 * 5. Ranges are exact: all of the bytes asked for, or an error.
 * 6. A listing holds every key that was there during the whole of it, each once, in bytewise order.
 * 7. `DEPOT_FULL` leaves nothing visible and nothing behind; reads go on, and documents can still
 *    be written after objects are refused, out of a reserve.
 *
 * Keys are `segment/segment/…` (depot-key.ts); anything else is `DEPOT_KEY_INVALID`. The keyspace is a
 * tree: no key is also a folder of another. Documents and objects share it, and each key is always
 * used as the same kind.
 */
export interface Depot {
  readonly identity: DepotIdentity;
  readonly limits: DepotLimits;
  /** Parts that bypass this process; null for a depot whose store nobody else can reach. */
  readonly direct: DirectParts | null;

  /** @returns null if there is no such document. */
  readDocument(key: string): Promise<StoredDocument | null>;
  /** @returns false if the key was taken; what is there is then untouched. */
  createDocument(key: string, bytes: Uint8Array): Promise<boolean>;
  /** @returns the new version, or null if the document has moved on from `expectedVersion` or is gone. */
  replaceDocument(key: string, bytes: Uint8Array, expectedVersion: string): Promise<string | null>;

  /** Removes a document or an object, durably; a key that is not there is no error. */
  delete(key: string): Promise<void>;
  /** The keys that begin with `prefix` (any text, also the middle of a segment; '' is everything). */
  list(prefix: string, options?: ListOptions): Promise<KeyPage>;

  /**
   * Stores an object, whole or not at all. If `chunks` throws, so does this, with the same error.
   * @returns its length in bytes.
   */
  putObject(key: string, chunks: Chunks, options?: PutOptions): Promise<number>;
  /** @returns null if there is no such object. */
  statObject(key: string): Promise<{ readonly length: number } | null>;
  /**
   * Reads into memory: the whole object, or a range of it.
   * @throws NOT_FOUND, RANGE_NOT_SATISFIABLE
   */
  readObject(key: string, range?: ByteRange): Promise<Buffer>;
  /**
   * The same as a stream. It fails rather than end early.
   * @throws NOT_FOUND, RANGE_NOT_SATISFIABLE before the first byte.
   */
  streamObject(
    key: string,
    range?: ByteRange,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Readable>;
  /** @throws NOT_FOUND */
  openForRead(key: string): Promise<ObjectReader>;
  /**
   * Gives an object another key without its bytes passing through this process, replacing what is
   * there. After an interruption it may be found under both keys, but never under neither.
   * @throws NOT_FOUND if there is nothing under `from`.
   */
  moveObject(from: string, to: string): Promise<void>;

  /**
   * Begins an object that arrives in parts, in any order and side by side. Nothing is visible under
   * `key` before `commitParts`. What is never committed nor aborted is dropped some weeks later.
   * @throws DEPOT_FULL if there is no room for `length` bytes; REQUEST_INVALID outside `limits`.
   */
  beginParts(key: string, length: number, partLength: number): Promise<PartedObject>;
  /**
   * Stores part `index`, durably. The first put of a part that returns decides its bytes: a later one
   * changes nothing, so a part sent twice can do no harm. If `chunks` throws (the sender went away,
   * the hash was wrong) the part is not there.
   * @returns false if the part was there already; `chunks` is then not read.
   * @throws UPLOAD_NOT_FOUND once committed or aborted; PART_INVALID for an index that does not exist;
   *   DEPOT_LENGTH_MISMATCH if not exactly the bytes of that part come.
   */
  putPart(
    parted: PartedObject,
    index: number,
    chunks: Chunks,
    options?: ChunkOptions,
  ): Promise<boolean>;
  /** The parts that are there, in order. @throws UPLOAD_NOT_FOUND once committed or aborted. */
  listParts(parted: PartedObject): Promise<number[]>;
  /**
   * Makes the parts the object `key`, at a cost that does not depend on its bytes.
   * @throws UPLOAD_INCOMPLETE if parts are lacking; UPLOAD_NOT_FOUND once committed or aborted.
   */
  commitParts(parted: PartedObject): Promise<void>;
  /** Drops the parts; no error if there is nothing to drop. */
  abortParts(parted: PartedObject): Promise<void>;

  /** Ends running writes by an error and gives the depot free. Further calls fail with SHUTTING_DOWN. */
  close(): Promise<void>;
}
