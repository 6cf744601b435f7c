import { truncate } from 'node:fs/promises';

import type { ArtifactFile, Metainfo } from '#lib/torrent';

import type { Bitfield } from '../bitfield.js';
import { ArtifactPaths } from '../disk/artifact-paths.js';
import { eachInBatches } from '../disk/each-in-batches.js';
import { FolderMaker } from '../disk/folder-maker.js';
import { eachAtMost } from '../disk/in-flight.js';
import { lstatPath } from '../disk/raw-file.js';
import { LARGEST_COPY, type SmallFiles } from '../disk/small-files.js';
import { copyLocal } from './copy-local.js';
import type { LocalContent } from './local-content.js';

const AT_ONCE = 8;
const HASH = 32;

export interface ReuseOptions {
  /** Where the artifact is being put together, as for `DiskStore`. */
  readonly root: string;
  readonly metainfo: Metainfo;
  readonly local: LocalContent;
  /** Pieces that are there already; files that have them all are left alone. */
  readonly have: Bitfield;
  /** Files that are wanted, by their index; all by default. */
  readonly files?: ReadonlySet<number>;
  /** Takes small files off this thread; without it each is copied by itself. */
  readonly smallFiles?: SmallFiles;
  readonly signal: AbortSignal;
}

/**
 * Copies into place what the machine holds already (as reflinks where the file system can): whole files
 * with the same root, and files of an earlier version of which some pieces are the same.
 *
 * Small files are hashed as they are copied; of others it is for the caller to find out what is right.
 */
export async function reuseLocal(options: ReuseOptions): Promise<Reused> {
  const { root, metainfo, local, have, files, smallFiles, signal } = options;
  const paths = new ArtifactPaths(root, metainfo.single);
  const folders = new FolderMaker();
  const verified: PieceRange[] = [];
  const likely: PieceRange[] = [];
  const lacking = metainfo.files.filter(
    (file, index) =>
      file.root && (files?.has(index) ?? true) && !have.hasRange(file.firstPiece, file.pieceCount),
  );
  const one = async (file: ArtifactFile) => {
    signal.throwIfAborted();
    const source = await findSource(options, file);
    if (!source) return;
    const { base, below } = paths.foldersOf(file.path);
    await folders.ensure(base, below);
    // A source that went away meanwhile is no harm: then the pieces come from peers.
    const target = paths.pathOf(file.path);
    if (!(await copyLocal(source.path, target))) return;
    // An earlier version may have been longer.
    if (source.length > file.length) await truncate(target, file.length);
    likely.push(...source.ranges);
  };
  const many = async (batch: readonly SmallCopy[]) => {
    signal.throwIfAborted();
    for (const { file } of batch) {
      const { base, below } = paths.foldersOf(file.path);
      await folders.ensure(base, below);
    }
    const roots = await smallFiles!.copyFiles({
      sources: batch.map(({ source }) => source),
      targets: batch.map(({ file }) => paths.pathOf(file.path)),
      lengths: Float64Array.from(batch, ({ file }) => file.length),
    });
    for (const [index, root] of roots.entries()) {
      const { file } = batch[index]!;
      if (file.root!.equals(root)) verified.push(wholeRange(file));
    }
    return roots.length;
  };
  const small: SmallCopy[] = [];
  const other: ArtifactFile[] = [];
  for (const file of lacking) {
    const [source] = file.length <= LARGEST_COPY ? local.filesWithRoot(file.root!) : [];
    if (source === undefined) other.push(file);
    else small.push({ file, source });
  }
  await eachInBatches(small, smallFiles ? many : null, ({ file }) => one(file));
  await eachAtMost(other, AT_ONCE, one);
  return { verified, likely };
}

interface PieceRange {
  readonly first: number;
  readonly count: number;
}

/** Pieces that are there now. */
export interface Reused {
  /** Hashed, and right. */
  readonly verified: readonly PieceRange[];
  /** To be verified before they count. */
  readonly likely: readonly PieceRange[];
}

/** A file that can be copied whole, and from where. */
interface SmallCopy {
  readonly file: ArtifactFile;
  readonly source: string;
}

interface Source {
  readonly path: string;
  readonly length: number;
  readonly ranges: readonly PieceRange[];
}

async function findSource(
  { local, metainfo, have }: ReuseOptions,
  file: ArtifactFile,
): Promise<Source | null> {
  for (const path of local.filesWithRoot(file.root!)) {
    const stat = await lstatPath(path);
    const fits = stat?.isFile() && Number(stat.size) === file.length;
    if (!fits) continue;
    return { path, length: file.length, ranges: [wholeRange(file)] };
  }
  // Pieces that an earlier try fetched must not be overwritten by a copy that has fewer.
  if (file.pieceCount < 2 || hasAny(have, file)) return null;
  const similar = local.similarFile(file.path, metainfo.pieceLength);
  const layer = metainfo.pieceLayers.get(file.root!.toString('hex'));
  if (!similar || !layer) return null;
  const ranges = equalPieces(layer, similar.layer).map(({ first, count }) => ({
    first: file.firstPiece + first,
    count,
  }));
  if (ranges.length === 0) return null;
  const stat = await lstatPath(similar.path);
  return { path: similar.path, length: Number(stat?.size ?? 0), ranges };
}

function wholeRange({ firstPiece, pieceCount }: ArtifactFile): PieceRange {
  return { first: firstPiece, count: pieceCount };
}

function hasAny(have: Bitfield, file: ArtifactFile): boolean {
  for (let piece = file.firstPiece; piece < file.firstPiece + file.pieceCount; piece++) {
    if (have.get(piece)) return true;
  }
  return false;
}

/** Ranges of pieces at which two piece layers have the same hash. */
export function equalPieces(left: Buffer, right: Buffer): { first: number; count: number }[] {
  const ranges: { first: number; count: number }[] = [];
  const pieces = Math.min(left.length, right.length) / HASH;
  for (let piece = 0; piece < pieces; piece++) {
    const [start, end] = [piece * HASH, (piece + 1) * HASH];
    if (left.compare(right, start, end, start, end) !== 0) continue;
    const last = ranges.at(-1);
    if (last && last.first + last.count === piece) last.count++;
    else ranges.push({ first: piece, count: 1 });
  }
  return ranges;
}
