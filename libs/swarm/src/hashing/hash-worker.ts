/*
 * The thread that hashes. This file is the entry of a worker and runs from source as well as from
 * dist, so it imports nothing but Node's own modules and types, and keeps to erasable TypeScript.
 * Digests are taken as latin1 strings: writing one into a buffer costs a third of making a Buffer.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import type {
  FileSignature,
  HashJob,
  HashJobDone,
  HashJobFailed,
  HashJobOutcome,
  StreamJob,
  StreamSegment,
} from './hash-job.types.js';

const BLOCK = 16_384;
const LEAF = 32;
const SHA1 = 20;
const READ_AT_ONCE = 1024 * 1024;
const NOTHING = Buffer.alloc(0);
const ZEROS = Buffer.alloc(65_536);

/** Runs one job on the calling thread. @throws what hashing or reading throws */
export function runHashJob(job: HashJob): HashJobDone {
  switch (job.kind) {
    case 'span':
      return hashSlices(job.bytes, job.lengths, job.paddedLeaves);
    case 'span-v1':
      return {
        first: hashSlicesV1(job.bytes, job.lengths, job.padding),
        second: NOTHING,
        signatures: [],
      };
    case 'root':
      return {
        first: rootOf(Buffer.from(job.leaves), job.paddedLeaves),
        second: NOTHING,
        signatures: [],
      };
    case 'stream':
      return hashStream(job);
  }
}

function hashSlices(bytes: Uint8Array, lengths: Uint32Array, padded: Uint32Array): HashJobDone {
  let blocks = 0;
  for (const length of lengths) blocks += Math.ceil(length / BLOCK);
  const leaves = Buffer.alloc(blocks * LEAF);
  const roots = Buffer.alloc(lengths.length * LEAF);
  let offset = 0;
  let leaf = 0;
  for (let slice = 0; slice < lengths.length; slice++) {
    const end = offset + lengths[slice]!;
    const first = leaf;
    for (; offset < end; offset += BLOCK) {
      const block = bytes.subarray(offset, Math.min(offset + BLOCK, end));
      leaves.write(hash('sha256', block, 'binary'), leaf++ * LEAF, LEAF, 'latin1');
    }
    offset = end;
    if (padded[slice]! > 0) {
      const ofSlice = leaves.subarray(first * LEAF, leaf * LEAF);
      rootOf(ofSlice, padded[slice]!).copy(roots, slice * LEAF);
    }
  }
  return { first: leaves, second: roots, signatures: [] };
}

/** Parts as one buffer with memory of its own: between threads a view travels with all it views. */
function own(parts: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = Buffer.alloc(length);
  let at = 0;
  for (const part of parts) at += part.copy(whole, at);
  return whole;
}

const pads: Buffer[] = [Buffer.alloc(LEAF)];

/** The node that stands for a missing one (BEP 52): zeros for a leaf, two of those below above. */
function padAt(layer: number): Buffer {
  for (let known = pads.length; known <= layer; known++) {
    pads.push(hash('sha256', Buffer.concat([pads[known - 1]!, pads[known - 1]!]), 'buffer'));
  }
  return pads[layer]!;
}

function rootOf(leaves: Buffer, width: number): Buffer {
  if (leaves.length === 0 || width * LEAF < leaves.length || (width & (width - 1)) !== 0) {
    throw new RangeError(`${leaves.length / LEAF} leaves do not fit a tree of ${width}.`);
  }
  // One scratch copy with room for an odd layer's partner; parents overwrite it from the front.
  const nodes = Buffer.alloc(leaves.length + LEAF);
  leaves.copy(nodes);
  let count = leaves.length / LEAF;
  for (let layer = 0; width >> layer > 1; layer++) {
    if (count % 2 === 1) padAt(layer).copy(nodes, count++ * LEAF);
    for (let pair = 0; pair < count / 2; pair++) {
      const children = nodes.subarray(pair * 2 * LEAF, (pair + 1) * 2 * LEAF);
      nodes.write(hash('sha256', children, 'binary'), pair * LEAF, LEAF, 'latin1');
    }
    count /= 2;
  }
  return own([nodes.subarray(0, LEAF)]);
}

function hashSlicesV1(
  bytes: Uint8Array,
  lengths: Uint32Array,
  padding: Uint32Array | null,
): Buffer {
  const hashes = Buffer.alloc(lengths.length * SHA1);
  let offset = 0;
  for (let slice = 0; slice < lengths.length; slice++) {
    const view = bytes.subarray(offset, offset + lengths[slice]!);
    const hasher = createHash('sha1').update(view);
    feedZeros(padding?.[slice] ?? 0, (zeros) => hasher.update(zeros));
    hasher.digest().copy(hashes, slice * SHA1);
    offset += lengths[slice]!;
  }
  return hashes;
}

function feedZeros(count: number, take: (zeros: Buffer) => void): void {
  for (let left = count; left > 0; left -= ZEROS.length) {
    take(left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS);
  }
}

/** Cuts the bytes it is fed into v1 pieces. */
class PiecesV1 {
  readonly hashes: Buffer[] = [];
  private current: Hash | null = null;
  private room: number;
  private readonly pieceLength: number;

  constructor(pieceLength: number) {
    this.pieceLength = pieceLength;
    this.room = pieceLength;
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(this.room, chunk.length - at);
      this.current ??= createHash('sha1');
      this.current.update(chunk.subarray(at, at + count));
      at += count;
      this.room -= count;
      if (this.room === 0) this.end();
    }
  }

  finish(): Buffer {
    if (this.current) this.end();
    return own(this.hashes);
  }

  private end(): void {
    this.hashes.push(this.current!.digest());
    this.current = null;
    this.room = this.pieceLength;
  }
}

let scratch: Buffer | null = null;

function hashStream(job: StreamJob): HashJobDone {
  scratch ??= Buffer.allocUnsafeSlow(READ_AT_ONCE);
  const pieces = job.pieceLengthV1 > 0 ? new PiecesV1(job.pieceLengthV1) : null;
  const leaves: Buffer[] = [];
  const signatures: (FileSignature | null)[] = [];
  for (const segment of job.segments) {
    if (segment.path === null) {
      feedZeros(segment.length, (zeros) => pieces?.update(zeros));
      signatures.push(null);
      continue;
    }
    const ofFile = job.leaves ? Buffer.alloc(Math.ceil(segment.length / BLOCK) * LEAF) : null;
    signatures.push(hashSegment(segment.path, segment, ofFile, pieces, scratch));
    if (ofFile) leaves.push(ofFile);
  }
  return { first: own(leaves), second: pieces?.finish() ?? NOTHING, signatures };
}

function hashSegment(
  path: string,
  { start, length }: StreamSegment,
  leaves: Buffer | null,
  pieces: PiecesV1 | null,
  buffer: Buffer,
): FileSignature {
  // O_NONBLOCK: a FIFO in the place of a file must not hold the thread for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = signatureOf(file, path);
    let leaf = 0;
    for (let done = 0; done < length;) {
      const wanted = Math.min(buffer.length, length - done);
      readFully(file, buffer, wanted, start + done, path);
      if (leaves) {
        for (let at = 0; at < wanted; at += BLOCK) {
          const block = buffer.subarray(at, Math.min(at + BLOCK, wanted));
          leaves.write(hash('sha256', block, 'binary'), leaf++ * LEAF, LEAF, 'latin1');
        }
      }
      pieces?.update(buffer.subarray(0, wanted));
      done += wanted;
    }
    const after = signatureOf(file, path);
    if (after.ctimeNs !== before.ctimeNs || after.mtimeNs !== before.mtimeNs) throw changed(path);
    return before;
  } finally {
    closeSync(file);
  }
}

function readFully(file: number, into: Buffer, count: number, from: number, path: string): void {
  for (let at = 0; at < count;) {
    const read = readSync(file, into, at, count - at, from + at);
    if (read === 0) throw changed(path);
    at += read;
  }
}

function signatureOf(file: number, path: string): FileSignature {
  const stat = fstatSync(file, { bigint: true });
  if (!stat.isFile()) throw changed(path);
  const { mtimeNs, ctimeNs, ino } = stat;
  return { size: Number(stat.size), mtimeNs, ctimeNs, ino };
}

function changed(path: string): Error {
  const error = new Error('The file is not what it was when it was listed.');
  return Object.assign(error, { code: 'CHANGED', path });
}

function failureOf(thrown: unknown): HashJobFailed {
  if (!(thrown instanceof Error)) return { message: String(thrown), code: null, path: null };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null;
  const path = 'path' in thrown && typeof thrown.path === 'string' ? thrown.path : null;
  return { message: thrown.message, code, path };
}

/** Like {@link runHashJob}, with a failure as a value: errors lose their fields between threads. */
export function outcomeOf(job: HashJob): HashJobOutcome {
  try {
    return { ok: true, done: runHashJob(job) };
  } catch (thrown) {
    return { ok: false, failed: failureOf(thrown) };
  }
}

if (!isMainThread && parentPort && workerData === 'fleetseed-hash-worker') {
  const port = parentPort;
  port.on('message', (jobs: readonly HashJob[]) => port.postMessage(jobs.map(outcomeOf)));
}
