import { FleetseedError } from '#lib/contracts';
import type { FileDigest, FileSignature, FileToHash, HashFilesOptions } from '#lib/swarm';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import type { TreeEntry } from './tree.types.js';

/** Reads and hashes files off the main thread; `HashPool` of the engine is one. */
export interface FileHasher {
  hashFiles(
    files: readonly FileToHash[],
    options: HashFilesOptions,
    onFile: (index: number, digest: FileDigest) => void,
  ): Promise<void>;
}

export interface HashedEntry extends TreeEntry {
  /** BEP 52 root; null for what has no bytes. */
  readonly root: Buffer | null;
  /** Merkle nodes of 8 MiB each, of a file longer than that; else null. */
  readonly nodes: Buffer | null;
  /** What the file was when its root was true; null for what is not a file here. */
  readonly signature: FileSignature | null;
}

export interface HashTreeOptions {
  readonly signal: AbortSignal;
  /** Bytes hashed so far. */
  readonly onProgress?: (bytes: number) => void;
}

/** Bytes below each node that is kept: no part of an upload is shorter, but the last of a file. */
export const NODE_BYTES = 8 * 1024 * 1024;

interface OnDisk extends FileToHash {
  /** Index of its entry. */
  readonly entry: number;
}

/**
 * Roots of all entries, hashed on all cores.
 * @throws FleetseedError TREE_CHANGED naming a file that is not what it was when it was listed
 */
export async function hashTree(
  entries: readonly TreeEntry[],
  hasher: FileHasher,
  options: HashTreeOptions,
): Promise<HashedEntry[]> {
  const hashed = entries.map((entry): HashedEntry => ({
    ...entry,
    root: rootHere(entry),
    nodes: null,
    signature: null,
  }));
  const onFile = (index: number, { root, layer: nodes, signature }: FileDigest) => {
    hashed[index] = { ...entries[index]!, root, nodes, signature };
  };
  const asked = { ...options, nodeSpan: NODE_BYTES };
  await hashFilesOf(entries, hasher, asked, onFile);
  return hashed;
}

/** The root of bytes that are in memory. */
function rootHere({ content }: TreeEntry): Buffer | null {
  if ('path' in content || content.bytes.length === 0) return null;
  return fileRoot(leafHashesOf(content.bytes), content.bytes.length);
}

/**
 * Hashes the entries that are files on this machine; `onFile` gets the index of the entry.
 * @throws FleetseedError TREE_CHANGED, DISK_IO
 */
export async function hashFilesOf(
  entries: readonly TreeEntry[],
  hasher: FileHasher,
  options: HashTreeOptions & HashFilesOptions,
  onFile: (index: number, digest: FileDigest) => void,
): Promise<void> {
  const files: OnDisk[] = [];
  let bytes = 0;
  for (const [entry, { content, length }] of entries.entries()) {
    if ('path' in content) files.push({ path: content.path, length, entry });
    else bytes += length;
  }
  const onBytes = (count: number) => options.onProgress?.((bytes += count));
  try {
    await hasher.hashFiles(files, { ...options, onBytes }, (index, digest) =>
      onFile(files[index]!.entry, digest),
    );
  } catch (error) {
    throw named(error, entries);
  }
}

/** The hasher knows the file on disk; people know its place in what they push. */
function named(error: unknown, entries: readonly TreeEntry[]): unknown {
  if (!(error instanceof FleetseedError) || error.code !== 'TREE_CHANGED') return error;
  const entry = entries.find(
    ({ content }) => 'path' in content && content.path === error.facts['path'],
  );
  if (!entry) return error;
  const path = entry.path.join('/');
  const message = `${JSON.stringify(path)} changed while it was read.`;
  return new FleetseedError('TREE_CHANGED', message, { path }, { cause: error });
}
