import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FleetseedError } from '#lib/contracts';
import { systemClock, type Clock } from '#lib/runtime';

import type {
  FileSignature,
  HashJob,
  HashJobDone,
  HashJobFailed,
  StreamSegment,
} from './hash-job.types.js';
import { HashThreads, type QueuedJob } from './hash-threads.js';
import type { SpanCut, SpanHasher, SpanHashes } from './span-hasher.js';

const BLOCK = 16_384;
/** What one thread reads and hashes of a large file in a job: others get their share of it. */
const JOB_BYTES = 8 * 1024 * 1024;
const IDLE_MS = 30_000;

export interface HashPoolOptions {
  /** Worker threads at most; by default all cores, but no more than 2: an agent is a guest. */
  readonly threads?: number;
  /** Threads end after this long without work, milliseconds; 30,000 by default. */
  readonly idleMs?: number;
  readonly clock?: Clock;
}

export interface HashFileOptions {
  /** Also hash v1 pieces of this length, which begin with the file; a multiple of 16 KiB. */
  readonly pieceLengthV1?: number;
  /** Fill the last v1 piece with zeros (the pad of a hybrid tree). */
  readonly padV1?: boolean;
  readonly signal?: AbortSignal;
  /** Leaves as they become known, not in order; `firstLeaf` counts 16 KiB blocks. */
  readonly onLeaves?: (leaves: Buffer, firstLeaf: number) => void;
}

export interface FileHashes {
  /** SHA-256 of each 16 KiB block, 32 bytes each. */
  readonly leaves: Buffer;
  /** SHA-1 of each piece, 20 bytes each; empty unless asked for. */
  readonly piecesV1: Buffer;
  /** What the file was when these hashes were true. */
  readonly signature: FileSignature;
}

/**
 * Hashes on worker threads: payload in shared memory, and whole files, which the threads read
 * themselves. Payload goes first. The process is kept alive only while something is being hashed.
 *
 * A thread that crashes rejects what it was doing with INTERNAL and is replaced; everything that is
 * asked for after `close` rejects with SHUTTING_DOWN.
 */
export class HashPool implements SpanHasher {
  readonly #threads: HashThreads;

  constructor(options: HashPoolOptions = {}) {
    const most = options.threads ?? Math.min(2, availableParallelism());
    const clock = options.clock ?? systemClock;
    this.#threads = new HashThreads(workerEntry(), most, options.idleMs ?? IDLE_MS, clock);
  }

  /** Threads that are alive at the moment. */
  get threadCount(): number {
    return this.#threads.threadCount;
  }

  async hashSpan(bytes: Uint8Array<SharedArrayBuffer>, cut: SpanCut): Promise<SpanHashes> {
    const { lengths, paddedLeaves } = cut;
    const job = {
      kind: 'span' as const,
      bytes: checkShared(bytes, lengths),
      lengths,
      paddedLeaves,
    };
    const done = await this.#run(job, bytes.length, true);
    return { leaves: asBuffer(done.first), roots: asBuffer(done.second) };
  }

  async hashSpanV1(
    bytes: Uint8Array<SharedArrayBuffer>,
    lengths: Uint32Array,
    padding?: Uint32Array,
  ): Promise<Buffer> {
    const shared = checkShared(bytes, lengths);
    const job = { kind: 'span-v1' as const, bytes: shared, lengths, padding: padding ?? null };
    return asBuffer((await this.#run(job, bytes.length, true)).first);
  }

  async merkleRoot(leaves: Uint8Array, paddedLeaves: number): Promise<Buffer> {
    // A copy of its own size: a view would travel with all the memory it is a view of.
    const job = { kind: 'root' as const, leaves: new Uint8Array(leaves), paddedLeaves };
    return asBuffer((await this.#run(job, leaves.length, true)).first);
  }

  /**
   * Hashes a file of `length` bytes on all threads. Symlinks are not followed.
   * @throws FleetseedError TREE_CHANGED when the file is not there, has another length, is no regular
   *   file or changed meanwhile; DISK_IO; the signal's reason.
   */
  async hashFile(path: string, length: number, options: HashFileOptions = {}): Promise<FileHashes> {
    const pieceLengthV1 = options.pieceLengthV1 ?? 0;
    if (pieceLengthV1 % BLOCK !== 0) {
      throw new RangeError(`Pieces of ${pieceLengthV1} bytes are not whole blocks.`);
    }
    const step = chunkLength(pieceLengthV1);
    const chunks: Promise<HashJobDone>[] = [];
    for (let start = 0; start === 0 || start < length; start += step) {
      const segments: StreamSegment[] = [{ path, start, length: Math.min(step, length - start) }];
      const pad = options.padV1 && start + step >= length ? padOf(length, pieceLengthV1) : 0;
      if (pad > 0) segments.push({ path: null, start: 0, length: pad });
      const job = { kind: 'stream' as const, segments, leaves: true, pieceLengthV1 };
      const chunk = this.#run(job, segments[0]!.length, false, options.signal);
      const { onLeaves } = options;
      const tell = (done: HashJobDone) => onLeaves?.(asBuffer(done.first), start / BLOCK);
      chunks.push(onLeaves ? chunk.then((done) => (tell(done), done)) : chunk);
    }
    const done = await Promise.all(chunks);
    return {
      leaves: joined(done.map(({ first }) => first)),
      piecesV1: joined(done.map(({ second }) => second)),
      signature: theOneSignature(path, length, done),
    };
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
    const jobs = cutStream(segments, chunkLength(pieceLength));
    const done = await Promise.all(
      jobs.map((part) => {
        const job = { kind: 'stream' as const, segments: part, leaves: false };
        const cost = part.reduce((sum, { length }) => sum + length, 0);
        return this.#run({ ...job, pieceLengthV1: pieceLength }, cost, false, signal);
      }),
    );
    return joined(done.map(({ second }) => second));
  }

  /** Ends the threads; what is not done rejects with SHUTTING_DOWN. */
  async close(): Promise<void> {
    await this.#threads.close();
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
      this.#threads.submit(queued, urgent);
    });
  }
}

/** From source the worker is TypeScript as well: Node strips the types. */
function workerEntry(): URL {
  const here = extname(fileURLToPath(import.meta.url));
  return new URL(here === '.ts' ? './hash-worker.ts' : './hash-worker.js', import.meta.url);
}

/** Whole pieces, and whole blocks when pieces are. */
function chunkLength(pieceLength: number): number {
  return pieceLength === 0 ? JOB_BYTES : pieceLength * Math.ceil(JOB_BYTES / pieceLength);
}

function padOf(length: number, pieceLength: number): number {
  return pieceLength === 0 ? 0 : (pieceLength - (length % pieceLength)) % pieceLength;
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

function theOneSignature(path: string, length: number, done: readonly HashJobDone[]) {
  const signature = done[0]!.signatures[0]!;
  const same = done.every(({ signatures: [other] }) => sameSignature(other!, signature));
  if (same && signature.size === length) return signature;
  throw new FleetseedError('TREE_CHANGED', `The file ${path} changed while it was read.`, { path });
}

export function sameSignature(left: FileSignature, right: FileSignature): boolean {
  return (
    left.size === right.size &&
    left.mtimeNs === right.mtimeNs &&
    left.ctimeNs === right.ctimeNs &&
    left.ino === right.ino
  );
}

const CHANGED = new Set(['CHANGED', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO']);

function errorOf({ message, code, path }: HashJobFailed): FleetseedError {
  const facts = path === null ? {} : { path };
  if (code !== null && CHANGED.has(code)) {
    const text = `The file ${path ?? ''} is not there as it was listed.`;
    return new FleetseedError('TREE_CHANGED', text, facts);
  }
  const kind = code === null ? 'INTERNAL' : 'DISK_IO';
  return new FleetseedError(kind, `Hashing failed: ${message}.`, facts);
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

function joined(parts: readonly Uint8Array[]): Buffer {
  return parts.length === 1 ? asBuffer(parts[0]!) : Buffer.concat(parts);
}
