import { createHash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

import { assertHash, LEAF_BYTES, leavesLength, MAX_PACK_BYTES, MAX_PACK_FILES } from './layout.js';

/** A file of a pack: files lie in a pack one after the other, in the order of the entries. */
export interface PackEntry {
  readonly root: string;
  /** Bytes of the file, at least 1. */
  readonly length: number;
  /** 32 bytes for every 16 KiB of the file. */
  readonly leaves: Uint8Array;
}

/*
 * The index, big-endian:
 *   0  'FSPI'   4  u16 format   6  u16 zero   8  u32 entries   12  u32 bytes of the pack
 *  16  per entry in pack order: root 32, length u32
 *      the leaves of all entries, one after the other
 */
const MAGIC = 0x46535049;
const FORMAT = 1;
const HEADER = 16;
const RECORD = 36;

interface Located {
  readonly offset: number;
  readonly length: number;
  readonly leavesAt: number;
}

/** What is where in a pack, and the leaf hashes of all of it. */
export class PackIndex {
  readonly #byRoot = new Map<string, Located>();

  private constructor(
    private readonly bytes: Buffer,
    /** Bytes of the pack. */
    readonly packLength: number,
  ) {}

  /** @throws REQUEST_INVALID, DEPOT_INTEGRITY for leaves that do not fit the length. */
  static of(entries: readonly PackEntry[]): PackIndex {
    const packLength = entries.reduce((sum, entry) => sum + entry.length, 0);
    const distinct = new Set(entries.map((entry) => entry.root)).size === entries.length;
    const few = entries.length > 0 && entries.length <= MAX_PACK_FILES;
    if (!few || !distinct || packLength > MAX_PACK_BYTES) {
      throw new FleetseedError(
        'REQUEST_INVALID',
        'A pack holds 1 to 65,536 different files of at most 16 MiB together.',
        { files: entries.length, bytes: packLength, distinct },
      );
    }
    const head = Buffer.alloc(HEADER + entries.length * RECORD);
    head.writeUInt32BE(MAGIC, 0);
    head.writeUInt16BE(FORMAT, 4);
    head.writeUInt32BE(entries.length, 8);
    head.writeUInt32BE(packLength, 12);
    entries.forEach((entry, index) => {
      checkEntry(entry);
      head.write(entry.root, HEADER + index * RECORD, 32, 'hex');
      head.writeUInt32BE(entry.length, HEADER + index * RECORD + 32);
    });
    return PackIndex.decode(Buffer.concat([head, ...entries.map((entry) => entry.leaves)]));
  }

  /** @throws DEPOT_CORRUPT, DEPOT_FORMAT_NEWER */
  static decode(bytes: Buffer): PackIndex {
    if (bytes.length < HEADER || bytes.readUInt32BE(0) !== MAGIC) throw corrupt();
    const format = bytes.readUInt16BE(4);
    if (format > FORMAT) {
      throw new FleetseedError('DEPOT_FORMAT_NEWER', 'A pack index has a newer format.', {
        found: format,
        known: FORMAT,
      });
    }
    const index = new PackIndex(bytes, bytes.readUInt32BE(12));
    index.#read(bytes.readUInt32BE(8));
    return index;
  }

  encode(): Buffer {
    return this.bytes;
  }

  /** The same files in the same order have the same id, so that a repeated put is harmless. */
  get id(): string {
    return createHash('sha256').update(this.bytes).digest('hex').slice(0, 40);
  }

  get(root: string): { readonly offset: number; readonly length: number } | undefined {
    const found = this.#byRoot.get(root);
    return found && { offset: found.offset, length: found.length };
  }

  roots(): Iterable<string> {
    return this.#byRoot.keys();
  }

  leaves(root: string): Buffer | undefined {
    const found = this.#byRoot.get(root);
    return (
      found && this.bytes.subarray(found.leavesAt, found.leavesAt + leavesLength(found.length))
    );
  }

  #read(count: number): void {
    let leavesAt = HEADER + count * RECORD;
    if (leavesAt > this.bytes.length) throw corrupt();
    let offset = 0;
    for (let at = HEADER; at < HEADER + count * RECORD; at += RECORD) {
      const length = this.bytes.readUInt32BE(at + 32);
      this.#byRoot.set(this.bytes.toString('hex', at, at + 32), { offset, length, leavesAt });
      offset += length;
      leavesAt += leavesLength(length);
    }
    if (offset !== this.packLength || leavesAt !== this.bytes.length) throw corrupt();
  }
}

function checkEntry({ root, length, leaves }: PackEntry): void {
  assertHash(root);
  if (!Number.isInteger(length) || length < 1) {
    throw new FleetseedError('REQUEST_INVALID', 'A packed file has at least one byte.', { root });
  }
  assertLeaves(root, length, leaves);
}

/** @throws DEPOT_INTEGRITY */
export function assertLeaves(root: string, length: number, leaves: Uint8Array): void {
  if (leaves.length === leavesLength(length)) return;
  throw new FleetseedError('DEPOT_INTEGRITY', 'The leaf hashes do not fit the length of a file.', {
    root,
    length,
    leaves: leaves.length / LEAF_BYTES,
  });
}

function corrupt(): FleetseedError {
  return new FleetseedError('DEPOT_CORRUPT', 'A pack index is damaged.');
}
