import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { sameSignature, type FileSignature } from '#lib/swarm';
import { BLOCK_LENGTH, HASH_LENGTH, merkleRoot } from '#lib/torrent';

import { NODE_BYTES, type HashedEntry } from '../tree/hash-tree.js';
import type { PartSegment, PlannedPart } from './upload-plan.js';

/** Shorter stretches are read in place: handing them to a thread takes longer than reading them. */
const READ_IN_PLACE = 256 * 1024;
/** Layers above the leaves at which the nodes stand. */
const NODE_HEIGHT = Math.log2(NODE_BYTES / BLOCK_LENGTH);
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Reads the bytes of parts from the files that were hashed. A file is read only while it is what it
 * was when it was hashed, so that a build that still writes is noticed here, by name, and not as a
 * wrong hash at the origin.
 */
export class PartReader {
  private readonly sources = new Map<string, HashedEntry>();

  /** Of several files with the same content the first is read. */
  constructor(entries: readonly HashedEntry[]) {
    for (const entry of entries) {
      const root = entry.root?.toString('hex');
      if (root !== undefined && !this.sources.has(root)) this.sources.set(root, entry);
    }
  }

  /**
   * Reads a part into `room`, which is at least as long.
   * @returns the bytes, in `room`
   * @throws FleetseedError TREE_CHANGED naming the file, DISK_IO
   */
  async read(part: PlannedPart, room: Buffer): Promise<Buffer> {
    const bytes = room.subarray(0, part.length);
    let at = 0;
    for (const segment of part.segments) {
      const into = bytes.subarray(at, at + segment.length);
      at += segment.length;
      await this.#segment(segment, into);
    }
    return bytes;
  }

  /**
   * Merkle root (BEP 52) over a part of a file that has several, padded with zero leaves to the full
   * length of a part; null if it is not made of the nodes that are known.
   */
  rootOf({ segments: [segment, ...more], partBytes }: PlannedPart): Buffer | null {
    const nodes = segment && this.sources.get(segment.root)?.nodes;
    if (!nodes || more.length > 0 || partBytes === null || partBytes < NODE_BYTES) return null;
    if (segment.offset % partBytes !== 0) return null;
    const first = segment.offset / NODE_BYTES;
    const count = Math.ceil(segment.length / NODE_BYTES);
    const own = nodes.subarray(first * HASH_LENGTH, (first + count) * HASH_LENGTH);
    return merkleRoot(own, NODE_HEIGHT, partBytes / NODE_BYTES);
  }

  async #segment(segment: PartSegment, into: Buffer): Promise<void> {
    const entry = this.sources.get(segment.root);
    if (!entry) {
      throw new FleetseedError(
        'INTERNAL',
        `The origin asks for ${segment.root}, which is not ours.`,
      );
    }
    const { content } = entry;
    if ('bytes' in content) {
      content.bytes.copy(into, 0, segment.offset, segment.offset + segment.length);
      return;
    }
    try {
      if (segment.length <= READ_IN_PLACE) readInPlace(content.path, entry, segment.offset, into);
      else await readAway(content.path, entry, segment.offset, into);
    } catch (error) {
      throw readingFailed(entry, error);
    }
  }
}

function readInPlace(path: string, entry: HashedEntry, offset: number, into: Buffer): void {
  const file = openSync(path, FLAGS);
  try {
    for (let at = 0; at < into.length;) {
      const count = readSync(file, into, at, into.length - at, offset + at);
      if (count === 0) throw changed(entry);
      at += count;
    }
    // After reading: what was written before it was read shows in the times.
    checkUnchanged(entry, fstatSync(file, { bigint: true }));
  } finally {
    closeSync(file);
  }
}

async function readAway(
  path: string,
  entry: HashedEntry,
  offset: number,
  into: Buffer,
): Promise<void> {
  const file = await open(path, FLAGS);
  try {
    for (let at = 0; at < into.length;) {
      const { bytesRead } = await file.read(into, at, into.length - at, offset + at);
      if (bytesRead === 0) throw changed(entry);
      at += bytesRead;
    }
    checkUnchanged(entry, await file.stat({ bigint: true }));
  } finally {
    await file.close();
  }
}

type BigStats = Omit<FileSignature, 'size'> & { readonly size: bigint };

function checkUnchanged(entry: HashedEntry, stats: BigStats): void {
  const { mtimeNs, ctimeNs, ino } = stats;
  const signature = { size: Number(stats.size), mtimeNs, ctimeNs, ino };
  if (!entry.signature || !sameSignature(entry.signature, signature)) throw changed(entry);
}

const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);

function readingFailed(entry: HashedEntry, error: unknown): FleetseedError {
  if (error instanceof FleetseedError) return error;
  const code = systemErrorCode(error);
  if (code !== undefined && GONE.has(code)) return changed(entry);
  const message = `${JSON.stringify(entry.path.join('/'))} cannot be read (${code ?? String(error)}).`;
  return new FleetseedError('DISK_IO', message, {}, { cause: error });
}

function changed(entry: HashedEntry): FleetseedError {
  const path = entry.path.join('/');
  const message = `${JSON.stringify(path)} changed while it was pushed.`;
  return new FleetseedError('TREE_CHANGED', message, { path });
}
