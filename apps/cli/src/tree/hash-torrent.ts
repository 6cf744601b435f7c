import type { HashPool, StreamSegment } from '#lib/swarm';
import { v1Stream, type BuildFile, type MetainfoFormat } from '#lib/torrent';

import { hashFilesOf } from './hash-tree.js';
import type { ScannedTree } from './tree.types.js';

export interface TorrentLayout {
  readonly name: string;
  readonly pieceLength: number;
  readonly format: MetainfoFormat;
}

export interface TorrentHashes {
  readonly files: BuildFile[];
  /** SHA-1 of the v1 stream's pieces; null when the format has no v1 view. */
  readonly piecesV1: Buffer | null;
}

interface HashTorrentOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/**
 * Makes every hash that a metainfo of this layout needs, each file of `tree` (which has no manifest)
 * read once.
 *
 * @throws FleetseedError TREE_CHANGED, DISK_IO
 */
export async function hashTorrent(
  tree: ScannedTree,
  pool: HashPool,
  layout: TorrentLayout,
  options: HashTorrentOptions,
): Promise<TorrentHashes> {
  const { format, pieceLength, name } = layout;
  const files: BuildFile[] = tree.entries.map(({ path, length, executable, symlink }) => ({
    path: tree.single ? [name] : path,
    length,
    executable,
    symlink,
  }));
  if (format === 'v1') {
    const segments = streamSegments(tree, pieceLength);
    return { files, piecesV1: await pool.hashStreamV1(segments, pieceLength, options.signal) };
  }
  const pieces: Buffer[] = files.map(() => Buffer.alloc(0));
  // In a hybrid every file starts a piece, so both hashes come of one reading. A file that is the
  // only one has no pad behind it.
  const v1 = format === 'hybrid' ? { pieceLengthV1: pieceLength, padV1: files.length > 1 } : {};
  const asked = { ...options, ...v1, nodeSpan: pieceLength };
  await hashFilesOf(tree.entries, pool, asked, (index, { root, layer, piecesV1 }) => {
    pieces[index] = piecesV1;
    if (root === null) return;
    files[index] = { ...files[index]!, root, ...(layer === null ? {} : { pieceLayer: layer }) };
  });
  return { files, piecesV1: format === 'hybrid' ? Buffer.concat(pieces) : null };
}

/** The v1-only stream: files one behind the other, so that pieces span them. */
function streamSegments(tree: ScannedTree, pieceLength: number): StreamSegment[] {
  return v1Stream(tree.entries, pieceLength, false).flatMap((segment): StreamSegment[] => {
    if ('pad' in segment) return [{ path: null, start: 0, length: segment.pad }];
    const { content, length } = tree.entries[segment.file]!;
    return 'path' in content ? [{ path: content.path, start: 0, length }] : [];
  });
}
