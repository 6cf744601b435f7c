import type { Metainfo } from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { META_FOLDER } from '../disk/artifact-paths.js';

/** Some files of an artifact. */
export interface Selection {
  /** Indices into `metainfo.files`. */
  readonly files: ReadonlySet<number>;
  readonly pieces: Bitfield;
  /** Payload bytes. */
  readonly bytes: number;
  /** Whether a path of the tree belongs to it; a folder on the way to a selected file does not. */
  covers(path: readonly string[]): boolean;
}

/** These files. @param covers by default the paths of the files */
export function selectionOf(
  metainfo: Metainfo,
  files: ReadonlySet<number>,
  covers?: (path: readonly string[]) => boolean,
): Selection {
  const pieces = new Bitfield(metainfo.pieceCount);
  const paths = new Set<string>();
  let bytes = 0;
  for (const index of files) {
    const { firstPiece, pieceCount, length, path } = metainfo.files[index]!;
    pieces.setRange(firstPiece, pieceCount);
    bytes += length;
    paths.add(path.join('/'));
  }
  return { files, pieces, bytes, covers: covers ?? ((path) => paths.has(path.join('/'))) };
}

/** What was asked for and is not there. */
export interface UnknownPaths {
  readonly unknown: readonly string[];
}

/**
 * The files at these paths of a tree, and everything below those that are folders. What describes the
 * tree (exact links, empty folders) always comes along: it is small, and links cannot be made without.
 *
 * @param wanted with slashes, from the root of the tree; `./` in front and a slash at the end are allowed
 */
export function selectPaths(
  metainfo: Metainfo,
  wanted: readonly string[],
): Selection | UnknownPaths {
  const roots = new Map(wanted.map((path) => [path, partsOf(path)]));
  const found = new Set<string>();
  const files = new Set<number>();
  for (const [index, { path }] of metainfo.files.entries()) {
    if (isMeta(metainfo, path)) {
      files.add(index);
      continue;
    }
    for (const [name, root] of roots) {
      if (!isBelow(path, root)) continue;
      found.add(name);
      files.add(index);
    }
  }
  const unknown = wanted.filter((path) => !found.has(path));
  if (unknown.length > 0) return { unknown };
  const all = [...roots.values()];
  return selectionOf(metainfo, files, (path) => {
    return isMeta(metainfo, path) || all.some((root) => isBelow(path, root));
  });
}

/** Every path that can be selected: files, and the folders that they are in. */
export function selectablePaths(metainfo: Metainfo): string[] {
  const paths = new Set<string>();
  for (const { path } of metainfo.files) {
    if (isMeta(metainfo, path)) continue;
    for (let depth = path.length; depth > 0; depth--) paths.add(path.slice(0, depth).join('/'));
  }
  return [...paths];
}

function isMeta({ single }: Metainfo, path: readonly string[]): boolean {
  return !single && path[0] === META_FOLDER;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/** The path is `root`, or below it; of the tree's own root nothing is below. */
function isBelow(path: readonly string[], root: readonly string[]): boolean {
  return root.length > 0 && root.every((part, index) => path[index] === part);
}
