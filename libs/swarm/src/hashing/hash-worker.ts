/*
 * The thread that hashes. This file is the entry of a worker and runs from source as well as from
 * dist, so it imports nothing but Node's own modules and types, and keeps to erasable TypeScript.
 * Digests are taken as latin1 strings: writing one into a buffer costs a third of making a Buffer.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import type {
  FilesJob,
  HashJob,
  HashJobDone,
  HashJobFailed,
  HashJobOutcome,
  OpenFile,
  OrderedJob,
  SpanJob,
  StreamJob,
} from './hash-job.types.js';

const BLOCK = 16_384;
const LEAF = 32;
const SHA1 = 20;
/** Stays in a core's cache while it is hashed twice. */
const READ_AT_ONCE = 256 * 1024;
const NOTHING = Buffer.alloc(0);
const NO_SIGNATURES = new BigInt64Array(0);
const ZEROS = Buffer.alloc(65_536);

/** Runs one job on the calling thread. @throws what hashing or reading throws */
export function runHashJob(job: HashJob): HashJobDone {
  switch (job.kind) {
    case 'span':
      return hashSpan(job);
    case 'span-v1':
      return {
        first: hashSlicesV1(job.bytes, job.lengths, job.padding),
        second: NOTHING,
        signatures: NO_SIGNATURES,
      };
    case 'root':
      return {
        first: rootOf(Buffer.from(job.leaves), job.paddedLeaves),
        second: NOTHING,
        signatures: NO_SIGNATURES,
      };
    case 'stream':
      return hashStream(job);
    case 'files':
      return hashFiles(job);
    case 'ordered':
      return hashOrdered(job);
  }
}

function hashSpan({ bytes, lengths, paddedLeaves: padded, sha1, file }: SpanJob): HashJobDone {
  let blocks = 0;
  for (const length of lengths) blocks += Math.ceil(length / BLOCK);
  const leaves = Buffer.alloc(blocks * LEAF);
  const rootBytes = lengths.length * LEAF;
  const second = Buffer.alloc(rootBytes + (sha1 ? lengths.length * SHA1 : 0));
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
      rootOf(ofSlice, padded[slice]!).copy(second, slice * LEAF);
    }
    if (sha1) {
      const whole = bytes.subarray(end - lengths[slice]!, end);
      second.write(hash('sha1', whole, 'binary'), rootBytes + slice * SHA1, SHA1, 'latin1');
    }
  }
  if (file) writeFully(file, bytes);
  return { first: leaves, second, signatures: NO_SIGNATURES };
}

function writeFully({ descriptor, position }: OpenFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
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
  const nodes = Buffer.alloc(leaves.length + LEAF);
  leaves.copy(nodes);
  const root = Buffer.alloc(LEAF);
  reduce(nodes, leaves.length / LEAF, width).copy(root);
  return root;
}

/**
 * The root over `count` nodes, padded with zero leaves to `width`. Parents overwrite the nodes from
 * the front; there must be room for one node more.
 */
function reduce(nodes: Buffer, count: number, width: number): Buffer {
  if (count === 0 || width < count || (width & (width - 1)) !== 0) {
    throw new RangeError(`${count} leaves do not fit a tree of ${width}.`);
  }
  for (let left = count, layer = 0; width >> layer > 1; layer++) {
    if (left % 2 === 1) padAt(layer).copy(nodes, left++ * LEAF);
    left /= 2;
    for (let pair = 0; pair < left; pair++) {
      const children = nodes.subarray(pair * 2 * LEAF, (pair + 1) * 2 * LEAF);
      nodes.write(hash('sha256', children, 'binary'), pair * LEAF, LEAF, 'latin1');
    }
  }
  return nodes.subarray(0, LEAF);
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
  private readonly hashes: string[] = [];
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
      const bytes = chunk.subarray(at, at + count);
      at += count;
      if (count === this.pieceLength) {
        this.hashes.push(hash('sha1', bytes, 'binary'));
        continue;
      }
      this.current ??= createHash('sha1');
      this.current.update(bytes);
      this.room -= count;
      if (this.room === 0) this.end();
    }
  }

  /** Ends the piece with zeros, if one has begun. */
  pad(): void {
    if (this.current) feedZeros(this.room, (zeros) => this.update(zeros));
  }

  /** Ends the piece that has begun, however short. */
  end(): void {
    if (!this.current) return;
    this.hashes.push(this.current.digest('binary'));
    this.current = null;
    this.room = this.pieceLength;
  }

  finish(): Buffer {
    this.end();
    const whole = Buffer.alloc(this.hashes.length * SHA1);
    for (const [index, text] of this.hashes.entries()) whole.write(text, index * SHA1, 'latin1');
    return whole;
  }
}

let scratch: Buffer | null = null;
/** The blocks of the scratch buffer: a view is a tenth of what hashing one costs besides. */
let blocks: readonly Buffer[] = [];

function scratchBuffer(): Buffer {
  if (scratch) return scratch;
  // Not at the beginning of its memory: see `ioBuffer` in libs/runtime.
  const buffer = Buffer.allocUnsafeSlow(READ_AT_ONCE + 48).subarray(48);
  const starts = Array.from({ length: READ_AT_ONCE / BLOCK }, (_, index) => index * BLOCK);
  blocks = starts.map((start) => buffer.subarray(start, start + BLOCK));
  return (scratch = buffer);
}

function hashStream(job: StreamJob): HashJobDone {
  const pieces = new PiecesV1(job.pieceLengthV1);
  const buffer = scratchBuffer();
  const take = (count: number) => pieces.update(buffer.subarray(0, count));
  for (const { path, start, length } of job.segments) {
    if (path === null) feedZeros(length, (zeros) => pieces.update(zeros));
    else readStretch(path, start, length, take);
  }
  return { first: NOTHING, second: pieces.finish(), signatures: NO_SIGNATURES };
}

let leafRoom = NOTHING;

/** Collects leaves and reduces them to nodes of so many leaves each. */
class NodeWriter {
  private readonly nodes: Buffer;
  private readonly leavesPerNode: number;
  private readonly leaves: Buffer;
  private at = 0;
  private held = 0;

  constructor(nodes: Buffer, leavesPerNode: number) {
    this.nodes = nodes;
    this.leavesPerNode = leavesPerNode;
    const room = (leavesPerNode + 1) * LEAF;
    if (leafRoom.length < room) leafRoom = Buffer.allocUnsafeSlow(room);
    this.leaves = leafRoom;
  }

  /** Takes the first `count` bytes of the scratch buffer. */
  take(count: number): void {
    for (let block = 0; block * BLOCK < count; block++) {
      const whole = blocks[block]!;
      const left = count - block * BLOCK;
      const bytes = left < BLOCK ? whole.subarray(0, left) : whole;
      this.leaves.write(hash('sha256', bytes, 'binary'), this.held * LEAF, LEAF, 'latin1');
      this.held++;
      if (this.held === this.leavesPerNode) this.close(this.leavesPerNode);
    }
  }

  /** A file that is shorter than a node is a tree of its own width. */
  endFile(fileLength: number): void {
    if (this.held === 0) return;
    let width = this.leavesPerNode;
    if (fileLength < width * BLOCK) for (width = 1; width < this.held;) width *= 2;
    this.close(width);
  }

  private close(width: number): void {
    this.at += reduce(this.leaves, this.held, width).copy(this.nodes, this.at);
    this.held = 0;
  }
}

function hashFiles(job: FilesJob): HashJobDone {
  const { paths, starts, lengths, fileLengths, leavesPerNode, pieceLengthV1 } = job;
  let nodeCount = 0;
  for (const length of lengths) nodeCount += Math.ceil(length / (leavesPerNode * BLOCK));
  const first = Buffer.alloc(nodeCount * LEAF);
  const signatures = new BigInt64Array(paths.length * 4);
  const buffer = scratchBuffer();
  const nodes = new NodeWriter(first, leavesPerNode);
  const pieces = pieceLengthV1 > 0 ? new PiecesV1(pieceLengthV1) : null;
  const take = (count: number) => {
    nodes.take(count);
    pieces?.update(buffer.subarray(0, count));
  };
  for (const [index, path] of paths.entries()) {
    const end = starts[index]! + lengths[index]!;
    const signature = readStretch(path, starts[index]!, lengths[index]!, take);
    if (signature[0] !== BigInt(fileLengths[index]!)) throw changed(path);
    signatures.set(signature, index * 4);
    nodes.endFile(fileLengths[index]!);
    if (job.padV1 && end === fileLengths[index]) pieces?.pad();
    pieces?.end();
  }
  return { first, second: pieces?.finish() ?? NOTHING, signatures };
}

interface Ordered {
  readonly whole: Hash | null;
  readonly pieces: PiecesV1 | null;
}

const ordered = new Map<number, Ordered>();

function hashOrdered({ id, bytes, digest, pieceLengthV1, last }: OrderedJob): HashJobDone {
  let state = ordered.get(id);
  if (!state) {
    state = {
      whole: digest ? createHash('sha256') : null,
      pieces: pieceLengthV1 > 0 ? new PiecesV1(pieceLengthV1) : null,
    };
    ordered.set(id, state);
  }
  const { whole, pieces } = state;
  // In parts, so that what one hash has read is in the cache for the other.
  for (let at = 0; at < bytes.length; at += READ_AT_ONCE) {
    const part = bytes.subarray(at, at + READ_AT_ONCE);
    whole?.update(part);
    pieces?.update(part);
  }
  if (!last) return { first: NOTHING, second: NOTHING, signatures: NO_SIGNATURES };
  ordered.delete(id);
  const first = Buffer.from(whole?.digest('binary') ?? '', 'latin1');
  return { first, second: pieces?.finish() ?? NOTHING, signatures: NO_SIGNATURES };
}

/** Reads through the scratch buffer. @returns what the file was: size, mtimeNs, ctimeNs, ino */
function readStretch(
  path: string,
  start: number,
  length: number,
  take: (count: number) => void,
): BigInt64Array {
  const buffer = scratchBuffer();
  // O_NONBLOCK: a FIFO in the place of a file must not hold the thread for ever.
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = signatureOf(file, path);
    for (let done = 0; done < length;) {
      const wanted = Math.min(buffer.length, length - done);
      readFully(file, buffer, wanted, start + done, path);
      take(wanted);
      done += wanted;
    }
    const after = signatureOf(file, path);
    if (after[1] !== before[1] || after[2] !== before[2]) throw changed(path);
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

function signatureOf(file: number, path: string): BigInt64Array {
  const stat = fstatSync(file, { bigint: true });
  if (!stat.isFile()) throw changed(path);
  return BigInt64Array.of(stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino);
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
