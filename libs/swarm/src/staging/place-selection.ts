import { chmod, readdir, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { systemErrorCode } from '#lib/contracts';
import { syncFolder } from '#lib/runtime';
import type { Metainfo } from '#lib/torrent';

import { ArtifactPaths } from '../disk/artifact-paths.js';
import { diskError } from '../disk/disk-errors.js';
import { finishTree, readTreeDocument } from '../disk/finish-tree.js';
import { FolderMaker } from '../disk/folder-maker.js';
import { eachAtMost } from '../disk/in-flight.js';
import type { Selection } from './selection.js';

const AT_ONCE = 8;

export interface PlaceOptions {
  /** Where the files were put together, as for `DiskStore`. */
  readonly partial: string;
  /** Where they are to stand; other files of the artifact may stand there already. */
  readonly root: string;
  readonly metainfo: Metainfo;
  /** All its payload is verified, and synced. */
  readonly selection: Selection;
}

/**
 * Gives whole files of an artifact their places, each by a rename, so that under no name there is ever
 * half a file; then makes the rest of what is selected (links, empty files) and all of it durable.
 * What else was put together under `partial` stays there for the next try.
 *
 * @throws FleetseedError UNPACK_REFUSED, PIECE_UNAVAILABLE, NO_SPACE, DISK_IO
 */
export async function placeSelection(options: PlaceOptions): Promise<void> {
  const { partial, root, metainfo, selection } = options;
  const [from, to] = [partial, root].map((base) => new ArtifactPaths(base, metainfo.single));
  const folders = new FolderMaker();
  const files = [...selection.files].map((index) => metainfo.files[index]!);
  await eachAtMost(files, AT_ONCE, async ({ path, length, symlink, executable }) => {
    if (length === 0 || symlink !== null) return;
    const [source, target] = [from!.pathOf(path), to!.pathOf(path)];
    const { base, below } = to!.foldersOf(path);
    await folders.ensure(base, below);
    try {
      await chmod(source, executable ? 0o755 : 0o644);
      await rename(source, target);
    } catch (error) {
      throw diskError(error, target);
    }
  });
  await finishTree(root, metainfo, await readTreeDocument(root, metainfo), {
    only: (path) => selection.covers(path),
  });
  for (const base of [from!.root, from!.metaRoot]) await removeEmpty(base);
  await syncFolder(dirname(root));
}

/** Folders that nothing is left in. */
async function removeEmpty(folder: string): Promise<void> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) await removeEmpty(join(folder, entry.name));
    }
    await rmdir(folder);
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(code))
      throw diskError(error, folder);
  }
}
