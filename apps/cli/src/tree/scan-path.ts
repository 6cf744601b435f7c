import { accessSync, constants, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, resolve } from 'node:path';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { comparePaths } from '#lib/torrent';

import { Refusals } from './refusals.js';
import { MANIFEST_PATH, manifestBytes } from './tree-manifest.js';
import { refusalOf, TreeScanner, type FoundTree } from './tree.scanner.js';
import type { ScannedTree, TreeEntry } from './tree.types.js';

export interface ScanOptions {
  /**
   * Whether empty folders and exact link texts go into `.fleetseed/tree.json`. Without, only what
   * BEP 47 and BEP 52 can say is listed, and `unsaid` tells what was left out.
   */
  readonly manifest: boolean;
  readonly signal: AbortSignal;
}

/**
 * Lists what is at `path`: one file, or the tree of a folder. A link given as the path itself is
 * followed (`push ./current`), links inside are not.
 *
 * @throws FleetseedError NOT_FOUND, TREE_UNRESTORABLE naming what cannot be restored on a target,
 *   TREE_CHANGED, DISK_IO
 */
export function scanPath(path: string, options: ScanOptions): ScannedTree {
  const { absolute, stats } = locate(path);
  const baseName = basename(resolve(path));
  if (stats.isDirectory()) {
    const found = new TreeScanner(absolute, options.manifest, options.signal).scan();
    return treeOf(path, baseName, found, options.manifest);
  }
  checkSingle(path, absolute, stats);
  const executable = (stats.mode & 0o100) !== 0;
  const { size: bytes } = stats;
  const content = { path: absolute };
  const entry = { path: [baseName], content, length: bytes, executable, symlink: null };
  return { single: true, baseName, entries: [entry], bytes, unsaid: [] };
}

function treeOf(path: string, baseName: string, found: FoundTree, manifest: boolean): ScannedTree {
  const { files, links, emptyFolders } = found;
  if (files.length + links.length === 0 && emptyFolders.every((folder) => folder.length === 0)) {
    throw new FleetseedError('TREE_UNRESTORABLE', `The folder ${path} is empty.`);
  }
  const entries: TreeEntry[] = [...files];
  for (const { path: link, target } of links) {
    // BEP 47 cannot name the root itself: such a link is in the manifest alone.
    if (target.components.length === 0) continue;
    const content = { bytes: Buffer.alloc(0) };
    const { components: symlink } = target;
    entries.push({ path: link, content, length: 0, executable: false, symlink });
  }
  const exact = links.filter(({ target }) => target.textDiffers || target.components.length === 0);
  const bytes = manifest ? manifestBytes({ emptyFolders, links: exact }) : null;
  if (bytes !== null) {
    const content = { bytes };
    const { length } = bytes;
    entries.push({ path: MANIFEST_PATH, content, length, executable: false, symlink: null });
  }
  return {
    single: false,
    baseName,
    entries: entries.toSorted((left, right) => comparePaths(left.path, right.path)),
    bytes: entries.reduce((sum, entry) => sum + entry.length, 0),
    unsaid: manifest
      ? []
      : [...emptyFolders, ...exact.map((link) => link.path)].map((at) => at.join('/')),
  };
}

function locate(path: string): { absolute: string; stats: Stats } {
  try {
    const absolute = realpathSync(path);
    return { absolute, stats: statSync(absolute) };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new FleetseedError(
        'NOT_FOUND',
        `There is nothing at ${path}.`,
        { path },
        { cause: error },
      );
    }
    const reason = code === 'EACCES' ? 'this user may not read it' : (code ?? String(error));
    const message = `${path} cannot be read: ${reason}.`;
    throw new FleetseedError('DISK_IO', message, { path }, { cause: error });
  }
}

function checkSingle(path: string, absolute: string, stats: Stats): void {
  const refusals = new Refusals();
  const why = refusalOf(stats);
  if (why !== null) refusals.add(path, why);
  refusals.throwIfAny();
  try {
    accessSync(absolute, constants.R_OK);
  } catch {
    refusals.add(path, 'cannot be read by this user');
  }
  refusals.throwIfAny();
}
