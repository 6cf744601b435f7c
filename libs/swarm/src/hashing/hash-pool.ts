import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FleetseedError } from '#lib/contracts';
import { systemClock, type Clock } from '#lib/runtime';

import type { SmallFiles } from '../disk/small-files.js';
import { RateLimiter } from '../policy/rate.limiter.js';
import { cutFiles, JOB_BYTES, type FileToHash } from './file-batches.js';
import { FileDigests, type FileDigest } from './file-digests.js';
import type {
  HashJob,
  HashJobDone,
  HashJobFailed,
  HashJobOutcome,
  StreamSegment,
} from './hash-job.types.js';
import { HashThreads, type QueuedJob } from './hash-threads.js';
import { outcomeOf } from './hash-worker.js';
import { OrderedHasher, type OrderedWanted } from './ordered-hasher.js';
import { SmallFileJobs } from './small-file-jobs.js';
import type { SpanCut, SpanHasher, SpanHashes, SpanToStore, StoredSpan } from './span-hasher.js';

const BLOCK = 16_384;
/** Jobs of files under way for each thread: one that runs, one that waits, one on its way back. */
const LANES_PER_THREAD = 3;
const IDLE_MS = 30_000;
/**
 * Payload that comes no faster than this is hashed on the caller's thread, bytes a second: it takes a
 * few percent of a core, and the way to a thread and back would cost as much again.
 */
const LIGHT_RATE = 32 * 1024 * 1024;
/** What may come at once and still be light, as time at that rate, milliseconds. */
const LIGHT_BURST_MS = 125;

export interface HashPoolOptions {
  /** Worker threads at most; by default all cores, but no more than 2: an agent is a guest. */
  readonly threads?: number;
  /** Threads end after this long without work, milliseconds; 30,000 by default. */
  readonly idleMs?: number;
  /** Payload is hashed on the caller's thread up to this rate, bytes a second; 0 for never, 32 MiB by default. */
  readonly lightRate?: number;
  readonly clock?: Clock;
}

export interface HashFilesOptions {
  /** Bytes below each Merkle node that is kept: a power of two of at least 16 KiB; 8 MiB by default. */
  readonly nodeSpan?: number;
  /** Also hash v1 pieces of this length, which begin with each file; a power of two as well. */
  readonly pieceLengthV1?: number;
  /** Fill the last v1 piece of each file with zeros (the pads of a hybrid tree). */
  readonly padV1?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes that were hashed since the last call. */
  readonly onBytes?: (count: number) => void;
}

/**
 * Hashes payload in shared memory, and whole files, on worker threads, which read the files
 * themselves. Payload goes first; as long as little comes it is hashed on the spot, without a thread.
 * The process is kept alive only while something is being hashed.
 *
 * A thread that crashes rejects what it was doing with INTERNAL and is replaced; everything that is
 * asked for after `close` rejects with SHUTTING_DOWN.
 */
export class HashPool implements SpanHasher {
  /** Many small files at once on the same threads, which have their bytes in the cache then. */
  readonly smallFiles: SmallFiles = new SmallFileJobs((job, cost, urgent) =>
    this.#run(job, cost, urgent),
  );
  readonly #threads: HashThreads;
  readonly #most: number;
  #nextOrdered = 0;
  #jobCount = 0;
  readonly #clock: Clock;
  readonly #light: RateLimiter | null;

  constructor(options: HashPoolOptions = {}) {
    this.#most = options.threads ?? Math.min(2, availableParallelism());
    this.#clock = options.clock ?? systemClock;
    const { idleMs = IDLE_MS, lightRate = LIGHT_RATE } = options;
    this.#threads = new HashThreads(workerEntry(), this.#most, idleMs, this.#clock);
    const now = this.#clock.monotonic();
    this.#light = lightRate === 0 ? null : new RateLimiter(lightRate, now, LIGHT_BURST_MS);
  }

  /** Threads that are alive at the moment. */
  get threadCount(): number {
    return this.#threads.threadCount;
  }

  /** Jobs with content that threads were given since the start. */
  get jobCount(): number {
    return this.#jobCount;
  }

  async hashSpan(bytes: Uint8Array<SharedArrayBuffer>, cut: SpanCut): Promise<SpanHashes> {
    const { lengths, paddedLeaves } = cut;
    const job = {
      kind: 'span' as const,
      bytes: checkShared(bytes, lengths),
      lengths,
      paddedLeaves,
      sha1: false,
      file: null,
    };
    const done = await this.#hash(job, bytes.length);
    return { leaves: asBuffer(done.first), roots: asBuffer(done.second) };
  }

  /**
   * {@link hashSpan} that may also hash slices by SHA-1 and write the span into a file, all on one
   * thread, whose cache has the bytes then. The file has to stay open until this has settled.
   * @throws the system's error when the file cannot be written
   */
  async storeSpan(bytes: Uint8Array<SharedArrayBuffer>, wanted: SpanToStore): Promise<StoredSpan> {
    const { lengths, paddedLeaves, sha1, file } = wanted;
    const shared = checkShared(bytes, lengths);
    const job = { kind: 'span' as const, bytes: shared, lengths, paddedLeaves, sha1, file };
    const { first, second } = await this.#run(job, bytes.length, true).catch((error: unknown) => {
      throw systemErrorOf(error) ?? error;
    });
    const rootBytes = lengths.length * 32;
    const both = asBuffer(second);
    return {
      leaves: asBuffer(first),
      roots: both.subarray(0, rootBytes),
      piecesV1: both.subarray(rootBytes),
    };
  }

  async hashSpanV1(
    bytes: Uint8Array<SharedArrayBuffer>,
    lengths: Uint32Array,
    padding?: Uint32Array,
  ): Promise<Buffer> {
    const shared = checkShared(bytes, lengths);
    const job = { kind: 'span-v1' as const, bytes: shared, lengths, padding: padding ?? null };
    return asBuffer((await this.#hash(job, bytes.length)).first);
  }

  async merkleRoot(leaves: Uint8Array, paddedLeaves: number): Promise<Buffer> {
    // A copy of its own size: a view would travel with all the memory it is a view of.
    const job = { kind: 'root' as const, leaves: new Uint8Array(leaves), paddedLeaves };
    return asBuffer((await this.#hash(job, leaves.length)).first);
  }

  /** Starts all threads now, so that they are there when the first job comes. */
  prepare(): void {
    this.#threads.startAll();
  }

  /**
   * Reads and hashes files on all threads; `onFile` is told of each as it is done, in no order.
   * Symlinks are not followed. Only a few jobs are under way, so memory does not grow with the files.
   * @throws FleetseedError TREE_CHANGED when a file is not there, has another length, is no regular
   *   file or changed meanwhile; DISK_IO; the signal's reason.
   */
  async hashFiles(
    files: readonly FileToHash[],
    options: HashFilesOptions,
    onFile: (index: number, digest: FileDigest) => void,
  ): Promise<void> {
    const { nodeSpan = JOB_BYTES, pieceLengthV1 = 0, padV1 = false, signal, onBytes } = options;
    for (const length of pieceLengthV1 === 0 ? [nodeSpan] : [nodeSpan, pieceLengthV1]) {
      if (length >= BLOCK && Number.isInteger(Math.log2(length))) continue;
      throw new RangeError(`${length} bytes are not a power of two of whole blocks.`);
    }
    const cut = { nodeSpan, pieceLengthV1, padV1 };
    const digests = new FileDigests(files, cut, onFile);
    await this.#inLanes(cutFiles(files, cut), async (batch) => {
      digests.add(batch, await this.#run(batch.job, batch.bytes, false, signal));
      onBytes?.(batch.bytes);
    });
  }

  /** {@link hashFiles} of one file. */
  async hashFile(
    path: string,
    length: number,
    options: HashFilesOptions = {},
  ): Promise<FileDigest> {
    let found: FileDigest | undefined;
    await this.hashFiles([{ path, length }], options, (_, digest) => (found = digest));
    return found!;
  }

  /**
   * SHA-1 of the pieces (20 bytes each) of the v1 stream that `segments` make up, on all threads.
   * A piece may span files, and its length may be any.
   */
  async hashStreamV1(
    segments: readonly StreamSegment[],
    pieceLength: number,
    signal?: AbortSignal,
  ): Promise<Buffer> {
    const parts = cutStream(segments, pieceLength * Math.ceil(JOB_BYTES / pieceLength));
    const hashes: Buffer[] = [];
    await this.#inLanes(parts.entries(), async ([index, part]) => {
      const job = { kind: 'stream' as const, segments: part, pieceLengthV1: pieceLength };
      const bytes = part.reduce((sum, { length }) => sum + length, 0);
      hashes[index] = asBuffer((await this.#run(job, bytes, false, signal)).second);
    });
    return Buffer.concat(hashes);
  }

  /** Hashes of bytes that need their order, such as the SHA-256 of all of them. */
  ordered(wanted: OrderedWanted): OrderedHasher {
    const pin = this.#threads.pin();
    const id = this.#nextOrdered++;
    return new OrderedHasher(wanted, {
      run: (bytes, last) => {
        const job = { kind: 'ordered' as const, id, bytes, ...wanted, last };
        return this.#settled((queued) => pin.submit(queued), job, bytes.length);
      },
      release: () => pin.release(),
    });
  }

  /** Ends the threads; what is not done rejects with SHUTTING_DOWN. */
  async close(): Promise<void> {
    await this.#threads.close();
  }

  /** Enough at once that every thread has its next job waiting; after a failure none is begun. */
  async #inLanes<T>(items: Iterable<T>, action: (item: T) => Promise<void>): Promise<void> {
    // One iterator: each lane takes the next item of all.
    const queue = items[Symbol.iterator]();
    let failure: { readonly error: unknown } | null = null;
    const lane = async () => {
      while (!failure) {
        const next = queue.next();
        if (next.done) return;
        await action(next.value).catch((error: unknown) => (failure ??= { error }));
      }
    };
    // All lanes are waited for, so that nothing is told after the rejection.
    await Promise.all(Array.from({ length: this.#most * LANES_PER_THREAD }, lane));
    if (failure) throw (failure as { readonly error: unknown }).error;
  }

  #settled(submit: (queued: QueuedJob) => void, job: HashJob, cost: number): Promise<HashJobDone> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: HashJobOutcome) => {
        if (outcome.ok) resolve(outcome.done);
        else reject(errorOf(outcome.failed));
      };
      submit({ job, cost, settle, fail: reject });
    });
  }

  /** Hashes payload: on the spot while little of it comes, else on a thread. */
  async #hash(job: HashJob, cost: number): Promise<HashJobDone> {
    const light = this.#light;
    const now = this.#clock.monotonic();
    if (this.#threads.isClosed || light === null || light.available(now) < cost) {
      return this.#run(job, cost, true);
    }
    light.spend(cost, now);
    const outcome = outcomeOf(job);
    if (outcome.ok) return outcome.done;
    throw errorOf(outcome.failed);
  }

  #run(job: HashJob, cost: number, urgent: boolean, signal?: AbortSignal): Promise<HashJobDone> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => {
        this.#threads.withdraw(queued);
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- The signal's own reason.
        reject(signal!.reason);
      };
      const queued: QueuedJob = {
        job,
        cost,
        settle: (outcome) => {
          signal?.removeEventListener('abort', abort);
          if (outcome.ok) resolve(outcome.done);
          else reject(errorOf(outcome.failed));
        },
        fail: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (job.kind !== 'look') this.#jobCount++;
      this.#threads.submit(queued, urgent);
    });
  }
}

/** From source the worker is TypeScript as well: Node strips the types. */
function workerEntry(): URL {
  const here = extname(fileURLToPath(import.meta.url));
  return new URL(here === '.ts' ? './hash-worker.ts' : './hash-worker.js', import.meta.url);
}

/** The stream in parts of `partLength` bytes. */
export function cutStream(
  segments: readonly StreamSegment[],
  partLength: number,
): StreamSegment[][] {
  const parts: StreamSegment[][] = [];
  let room = 0;
  for (const { path, start, length } of segments) {
    for (let at = 0; at < length;) {
      if (room === 0) {
        parts.push([]);
        room = partLength;
      }
      const count = Math.min(room, length - at);
      parts.at(-1)!.push({ path, start: path === null ? 0 : start + at, length: count });
      at += count;
      room -= count;
    }
  }
  return parts;
}

const CHANGED = new Set(['CHANGED', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO']);

function errorOf({ message, code, path }: HashJobFailed): FleetseedError {
  const facts = path === null ? {} : { path };
  if (code !== null && CHANGED.has(code)) {
    const text = `The file ${path ?? ''} is not there as it was listed.`;
    return new FleetseedError('TREE_CHANGED', text, facts);
  }
  const kind = code === null ? 'INTERNAL' : 'DISK_IO';
  const cause = code === null ? undefined : Object.assign(new Error(message), { code });
  return new FleetseedError(kind, `Hashing failed: ${message}.`, facts, { cause });
}

/** What the system said, when that is why a job failed. */
function systemErrorOf(error: unknown): Error | null {
  const cause = error instanceof FleetseedError ? error.cause : null;
  return cause instanceof Error && 'code' in cause ? cause : null;
}

function checkShared(bytes: Uint8Array, lengths: Uint32Array): Uint8Array {
  let sum = 0;
  for (const length of lengths) sum += length;
  if (sum !== bytes.length) throw new RangeError(`Slices of ${sum} bytes for ${bytes.length}.`);
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  throw new TypeError('A span must lie in shared memory.');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
