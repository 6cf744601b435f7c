import { fchmod } from 'node:fs';
import { chmod, lstat, readlink, symlink, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { FleetseedError, systemErrorCode } from '#lib/contracts';

import { ArtifactPaths } from './artifact-paths.js';
import { diskError } from './disk-errors.js';
import { eachInBatches } from './each-in-batches.js';
import { FolderMaker } from './folder-maker.js';
import { eachAtMost } from './in-flight.js';
import { closeQuietly, lstatPath, openForReading, openForWriting, readFully } from './raw-file.js';
import type { SmallFiles } from './small-files.js';
import { syncPaths } from './sync-tree.js';
import {
  MAX_TREE_DOCUMENT_BYTES,
  parseTreeDocument,
  TREE_DOCUMENT_PATH,
  type TreeDocument,
} from './tree-document.js';
import { planTree, type TreeLayout, type TreePlan } from './tree-plan.js';

const fchmodFd = promisify(fchmod);

const AT_ONCE = 8;

export interface FinishOptions {
  /** Take away everybody's right to write: files 444 or 555, folders 555. */
  readonly readOnly?: boolean;
  /** What of the tree is to be there, by its path; all of it by default. The rest is not looked at. */
  readonly only?: (path: readonly string[]) => boolean;
  /** Takes files off this thread; without it each is done by itself. */
  readonly smallFiles?: SmallFiles;
}

/**
 * Turns verified payload under `root` into the tree that was pushed, and makes it durable: empty files
 * and folders, modes (644, 755 for executables and folders), and at last the symlinks. May be called
 * again after it was interrupted.
 *
 * The caller renames the tree to its final name afterwards and syncs the folder that it is in.
 *
 * @param root as in `DiskStore`; all payload must be written and verified
 * @throws FleetseedError UNPACK_REFUSED for what could reach outside, PIECE_UNAVAILABLE when a file
 *   has not the length it should have, NO_SPACE, DISK_IO
 */
export async function finishTree(
  root: string,
  layout: TreeLayout,
  document: TreeDocument | null,
  options: FinishOptions = {},
): Promise<void> {
  const paths = new ArtifactPaths(root, layout.single);
  const { only = () => true } = options;
  // Whether a link is safe is for the whole tree to tell, however little of it is made.
  const plan = partOf(planTree(layout, document), only);
  const folders = new FolderMaker();
  if (!layout.single) await folders.ensure(root, []);
  await makeEmpty(paths, plan, folders);
  const regular = layout.files.filter((file) => file.symlink === null && only(file.path));
  const write = options.readOnly ? 0 : 0o200;
  const files = regular.map(({ path, length, executable }) => {
    return { path: paths.pathOf(path), length, mode: (executable ? 0o555 : 0o444) | write };
  });
  await setModes(files, options.smallFiles);
  // Folders of files were made by the store; going over them once more checks that they are folders.
  const parents = new Map(regular.map(({ path }) => [path.slice(0, -1).join('/'), path]));
  await eachAtMost([...parents.values()], AT_ONCE, (path) => {
    const { base, below } = paths.foldersOf(path);
    return folders.ensure(base, below);
  });
  await makeLinks(paths, plan, folders);
  const made = layout.single ? [] : [...folders.folders];
  await eachAtMost(made, AT_ONCE, (folder) => chmod(folder, 0o555 | write));
  const finished = [...files.map(({ path }) => path), ...made];
  await syncPaths(layout.single ? dirname(root) : root, finished);
}

function partOf(plan: TreePlan, only: (path: readonly string[]) => boolean): TreePlan {
  return {
    emptyFiles: plan.emptyFiles.filter(only),
    emptyFolders: plan.emptyFolders.filter(only),
    links: new Map([...plan.links].filter(([path]) => only(path.split('/')))),
  };
}

/** The description that came with the artifact, from where `DiskStore` put it; null without one. */
export async function readTreeDocument(
  root: string,
  layout: TreeLayout,
): Promise<TreeDocument | null> {
  const wanted = TREE_DOCUMENT_PATH.join('/');
  const file = layout.single ? null : layout.files.find(({ path }) => path.join('/') === wanted);
  if (!file) return null;
  if (file.length > MAX_TREE_DOCUMENT_BYTES) {
    const text = `The description of the tree has ${file.length} bytes.`;
    throw new FleetseedError('UNPACK_REFUSED', text, { bytes: file.length });
  }
  const path = new ArtifactPaths(root, false).pathOf(file.path);
  const fd = await openForReading(path);
  try {
    const bytes = Buffer.alloc(file.length);
    if (bytes.length > 0) await readFully(fd, bytes, 0, path);
    return parseTreeDocument(bytes);
  } finally {
    await closeQuietly(fd);
  }
}

async function makeEmpty(paths: ArtifactPaths, plan: TreePlan, folders: FolderMaker) {
  await eachAtMost(plan.emptyFolders, AT_ONCE, (path) => folders.ensure(paths.root, path));
  await eachAtMost(plan.emptyFiles, AT_ONCE, async (components) => {
    const { base, below } = paths.foldersOf(components);
    await folders.ensure(base, below);
    const path = paths.pathOf(components);
    if (!(await lstatPath(path))) await closeQuietly(await openForWriting(path));
  });
}

interface FileToFinish {
  readonly path: string;
  readonly length: number;
  readonly mode: number;
}

function setModes(files: readonly FileToFinish[], threads: SmallFiles | undefined): Promise<void> {
  const many = (batch: readonly FileToFinish[]) =>
    threads!.setModes({
      paths: batch.map(({ path }) => path),
      lengths: Float64Array.from(batch, ({ length }) => length),
      modes: Uint16Array.from(batch, ({ mode }) => mode),
    });
  return eachInBatches(files, threads ? many : null, ({ path, length, mode }) =>
    setMode(path, length, mode),
  );
}

/** Sets the mode of a regular file if it has another, after a look at what it is. */
async function setMode(path: string, length: number, mode: number): Promise<void> {
  const stat = await lstatPath(path);
  if (!stat?.isFile() || Number(stat.size) !== length) {
    const text = `There is no file of ${length} bytes at ${path}.`;
    throw new FleetseedError('PIECE_UNAVAILABLE', text, { path, length });
  }
  if ((Number(stat.mode) & 0o7777) === mode) return;
  // Through a handle that follows no symlink: the path may mean something else by now.
  const fd = await openForReading(path);
  try {
    await fchmodFd(fd, mode);
  } catch (error) {
    throw diskError(error, path);
  } finally {
    await closeQuietly(fd);
  }
}

/** The last step: while links do not exist, nothing can be written through one. */
async function makeLinks(paths: ArtifactPaths, plan: TreePlan, folders: FolderMaker) {
  for (const [link, text] of plan.links) {
    const components = link.split('/');
    const { base, below } = paths.foldersOf(components);
    await folders.ensure(base, below);
    await makeLink(paths.pathOf(components), text);
  }
}

async function makeLink(path: string, text: string): Promise<void> {
  try {
    await symlink(text, path);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw diskError(error, path);
    const present = (await lstat(path)).isSymbolicLink() ? await readlink(path) : null;
    if (present === text) return;
    if (present === null) {
      const what = `Something other than a link is in the way at ${path}.`;
      throw new FleetseedError('UNPACK_REFUSED', what, { path });
    }
    await unlink(path);
    await symlink(text, path);
  }
}
