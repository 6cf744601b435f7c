import { FleetseedError } from '#lib/contracts';
import type { FileHashes, FileSignature, HashFileOptions } from '#lib/swarm';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import type { TreeEntry } from './tree.types.js';

/** Reads and hashes files off the main thread; `HashPool` of the engine is one. */
export interface FileHasher {
  hashFile(path: string, length: number, options?: HashFileOptions): Promise<FileHashes>;
}

export interface HashedEntry extends TreeEntry {
  /** BEP 52 root; null for what has no bytes. */
  readonly root: Buffer | null;
  /** What the file was when its root was true; null for what is not a file here. */
  readonly signature: FileSignature | null;
}

/** Leaves of 32 bytes each; SHA-1 of v1 pieces, where the hasher makes them. */
export type EntryHashes = Pick<FileHashes, 'leaves' | 'piecesV1'>;

export interface HashTreeOptions {
  readonly signal: AbortSignal;
  /** Bytes hashed so far. */
  readonly onProgress?: (bytes: number) => void;
  /** All hashes of each entry, before they are dropped. */
  readonly onHashes?: (index: number, hashes: EntryHashes) => void;
}

/** Files under way at once: enough that the threads can be given many small ones in one message. */
const FILES_AT_ONCE = 256;
const BLOCK = 16_384;

/**
 * Hashes all entries on all cores. Memory is bounded: leaves are dropped as soon as a file's root is
 * made, and only so many files are under way.
 *
 * @throws FleetseedError TREE_CHANGED naming a file that is not what it was when it was listed
 */
export async function hashTree(
  entries: readonly TreeEntry[],
  hasher: FileHasher,
  options: HashTreeOptions,
): Promise<HashedEntry[]> {
  const hashed: HashedEntry[] = Array.from({ length: entries.length });
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let next = 0;
  let bytes = 0;
  const tell = (count: number) => options.onProgress?.((bytes += count));

  const work = async (): Promise<void> => {
    while (next < entries.length) {
      signal.throwIfAborted();
      const index = next++;
      const entry = entries[index]!;
      const { signature, ...hashes } = await hashEntry(entry, hasher, signal, tell);
      options.onHashes?.(index, hashes);
      hashed[index] = { ...entry, root: fileRoot(hashes.leaves, entry.length), signature };
    }
  };
  const workers = Array.from({ length: Math.min(FILES_AT_ONCE, entries.length) }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(workers);
    throw error;
  }
  return hashed;
}

async function hashEntry(
  entry: TreeEntry,
  hasher: FileHasher,
  signal: AbortSignal,
  tell: (bytes: number) => void,
): Promise<EntryHashes & { readonly signature: FileSignature | null }> {
  if ('bytes' in entry.content) {
    tell(entry.length);
    const leaves = leafHashesOf(entry.content.bytes);
    return { leaves, piecesV1: Buffer.alloc(0), signature: null };
  }
  const onLeaves = (leaves: Buffer, firstLeaf: number) => {
    const end = firstLeaf * BLOCK + (leaves.length / 32) * BLOCK;
    tell(Math.min(end, entry.length) - firstLeaf * BLOCK);
  };
  try {
    return await hasher.hashFile(entry.content.path, entry.length, { signal, onLeaves });
  } catch (error) {
    throw named(error, entry);
  }
}

/** The hasher knows the file on disk; people know its place in what they push. */
function named(error: unknown, entry: TreeEntry): unknown {
  if (!(error instanceof FleetseedError) || error.code !== 'TREE_CHANGED') return error;
  const path = entry.path.join('/');
  const message = `${JSON.stringify(path)} changed while it was read.`;
  return new FleetseedError('TREE_CHANGED', message, { path }, { cause: error });
}
