import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { finishTree, readTreeDocument, selectionOf, type Selection } from '#lib/swarm';

import type { PullTarget } from './pull.types.js';

/** Whether anything stands at a path, a link that leads nowhere included. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw new FleetseedError('DISK_IO', `${path} cannot be read.`, { path }, { cause: error });
  }
}

/**
 * Refuses a folder that has nothing of the artifact: it is somebody else's, and is not to be filled.
 * @throws FleetseedError ALREADY_EXISTS
 */
export async function requireOurs({ root, metainfo }: PullTarget): Promise<void> {
  if (metainfo.single) return;
  const isFolder = (await lstat(root)).isDirectory();
  if (isFolder && (await readdir(root)).length === 0) return;
  for (const { path, symlink } of metainfo.files) {
    if (isFolder && symlink === null && (await isThere(join(root, ...path)))) return;
  }
  throw new FleetseedError('ALREADY_EXISTS', `${root} exists and is something else.`, {
    path: root,
    hint: 'remove it, or choose another folder with --out',
  });
}

/** All of an artifact. */
export function everything({ metainfo }: PullTarget): Selection {
  return selectionOf(metainfo, new Set(metainfo.files.keys()), () => true);
}

/** Makes the rest of a selection right whose files are: modes, empty files and folders, links. */
export async function finishExisting(
  { root, metainfo }: PullTarget,
  selection: Selection,
): Promise<void> {
  await finishTree(root, metainfo, await readTreeDocument(root, metainfo), {
    only: (path) => selection.covers(path),
  });
}

/** A file stands there that is not what was pushed. */
export function inTheWay(root: string, path: string): FleetseedError {
  return new FleetseedError(
    'ALREADY_EXISTS',
    `${root} exists and is something else (${path} differs).`,
    {
      path: root,
      hint: 'pull with --verify to put it right, remove it, or choose another folder with --out',
    },
  );
}
