import { PieceMap, type Metainfo } from '#lib/torrent';

import type { Bitfield } from '../bitfield.js';
import { ArtifactPaths, META_FOLDER } from '../disk/artifact-paths.js';
import { DiskStore } from '../disk/disk-store.js';
import { lstatPath } from '../disk/raw-file.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import type { Selection } from './selection.js';
import type { VerifyInstalledOptions } from './verify-installed.js';

/** A file that is not as it was pushed. */
export interface WrongFile {
  /** Index into `metainfo.files`. */
  readonly file: number;
  /** Bytes of its pieces that are wrong or lacking. */
  readonly badBytes: number;
}

export interface Inspection {
  /** Pieces that are right. */
  readonly have: Bitfield;
  /** Files with other content, another length, or something else in their place. */
  readonly wrong: readonly WrongFile[];
  /** Files that are not there at all. What describes the tree is no file of it, and never wrong. */
  readonly absent: ReadonlySet<number>;
}

/**
 * Hashes the files of a selection under the final name of an artifact and tells which are right, wrong
 * or absent. Nothing is changed.
 *
 * @throws FleetseedError DISK_IO, or the signal's reason
 */
export async function inspectInstalled(
  options: VerifyInstalledOptions & { readonly selection: Selection },
): Promise<Inspection> {
  const { session, hasher, metainfo, root, selection, signal } = options;
  const pieces = new PieceMap(metainfo);
  const store = new DiskStore(root, metainfo, { smallFiles: hasher.smallFiles });
  const { buffers } = session;
  const candidates = selection.pieces;
  let have: Bitfield;
  try {
    have = await verifyPieces({ store, pieces, candidates, hasher, buffers, signal });
  } finally {
    await store.close();
  }
  const wrong: WrongFile[] = [];
  const absent = new Set<number>();
  const paths = new ArtifactPaths(root, metainfo.single);
  for (const file of selection.files) {
    const { path, length, symlink, firstPiece, pieceCount } = metainfo.files[file]!;
    // Links and empty files are made right without looking.
    if (length === 0 || symlink !== null) continue;
    const stat = await lstatPath(paths.pathOf(path));
    const isRight = stat?.isFile() && Number(stat.size) === length;
    if (isRight && have.hasRange(firstPiece, pieceCount)) continue;
    if (stat === null || isMeta(metainfo, path)) absent.add(file);
    else wrong.push({ file, badBytes: badBytesOf(pieces, have, firstPiece, pieceCount) });
  }
  return { have, wrong, absent };
}

function isMeta({ single }: Metainfo, path: readonly string[]): boolean {
  return !single && path[0] === META_FOLDER;
}

function badBytesOf(pieces: PieceMap, have: Bitfield, first: number, count: number): number {
  let bytes = 0;
  for (let piece = first; piece < first + count; piece++) {
    if (!have.get(piece)) bytes += pieces.lengthOf(piece);
  }
  return bytes;
}
