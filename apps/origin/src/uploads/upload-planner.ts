import { MAX_PACK_BYTES, MAX_PACK_FILES, PACKED_BELOW } from '#lib/depot';

import type { DeclaredContent } from './declared-tree.js';

const MIB = 1024 * 1024;
const LEAST_PART = 8 * MIB;
const COMFORTABLE_PART = 64 * MIB;
const COMFORTABLE_PARTS = 1000;
const MAX_PARTS = 10_000;

/** Something that is to be sent: one large file, or a pack of small ones. */
export interface PlannedObject {
  /** `f<n>` or `p<n>`: n is the index of the (first) file that it holds. */
  readonly object: string;
  readonly bytes: number;
  readonly partBytes: number;
  readonly entries: readonly { readonly root: string; readonly length: number }[];
}

/**
 * What has to be sent of these contents: each large one by itself, small ones in packs that are
 * filled in the order of the files, so that the sender reads its tree once from front to back.
 */
export function planObjects(
  contents: readonly DeclaredContent[],
  known: ReadonlySet<string>,
  pieceLength: number,
): PlannedObject[] {
  const objects: PlannedObject[] = [];
  let pack: DeclaredContent[] = [];
  let packed = 0;
  const closePack = () => {
    if (pack.length > 0) objects.push(packOf(pack, packed));
    pack = [];
    packed = 0;
  };
  for (const content of contents) {
    if (known.has(content.root)) continue;
    if (content.length >= PACKED_BELOW) {
      objects.push(largeOf(content, pieceLength));
      continue;
    }
    const isFull = packed + content.length > MAX_PACK_BYTES || pack.length === MAX_PACK_FILES;
    if (isFull) closePack();
    pack.push(content);
    packed += content.length;
  }
  closePack();
  return objects;
}

/**
 * Bytes of a part: a power of two, and so a multiple of the piece length. 8 MiB, growing so that a
 * re-sent part costs little of a large file, and a large file not too many parts.
 */
export function partBytesFor(length: number, pieceLength: number): number {
  let part = Math.max(LEAST_PART, pieceLength);
  while (part < COMFORTABLE_PART && length / part > COMFORTABLE_PARTS) part *= 2;
  while (length / part > MAX_PARTS) part *= 2;
  return part;
}

/** How many parts an object has, and how long each is. */
export function partCountOf({ bytes, partBytes }: PlannedObject): number {
  return Math.ceil(bytes / partBytes);
}

export function partLengthOf({ bytes, partBytes }: PlannedObject, part: number): number {
  return Math.min(partBytes, bytes - part * partBytes);
}

function largeOf({ root, length, file }: DeclaredContent, pieceLength: number): PlannedObject {
  return {
    object: `f${file}`,
    bytes: length,
    partBytes: partBytesFor(length, pieceLength),
    entries: [{ root, length }],
  };
}

function packOf(files: readonly DeclaredContent[], bytes: number): PlannedObject {
  return {
    object: `p${files[0]!.file}`,
    bytes,
    partBytes: bytes,
    entries: files.map(({ root, length }) => ({ root, length })),
  };
}
