import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
} from 'node:fs';

import type { FileCopies, FileModes, FilesInMemory } from '../../disk/small-files.js';
import type { HashJobDone } from '../hash-job.types.js';
import { fieldsOf, readStretch, signatureOf } from './file-stretch.ts';
import { jobDone } from './job-done.ts';
import { BLOCK, LEAF } from './merkle-nodes.ts';
import { NodeWriter } from './node-writer.ts';
import { writeFully } from './write-fully.ts';

/** Neither is a symlink followed nor can a FIFO block. */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const FIELDS = 4;
/** Of files that are hashed to a single node, bytes; `LARGEST_COPY` is no more. */
const LARGEST = 1024 * 1024;

/** Up to the first that fails: whoever asked finds out why. */
export function writeSmallFiles(files: FilesInMemory): HashJobDone {
  const done = countDone(files.paths, (path, index) => writeFile(path, partOf(files, index)));
  return jobDone({ files: done });
}

/** As above; `signatures` has those that were read. */
export function readSmallFiles(files: FilesInMemory): HashJobDone {
  const room = new BigInt64Array(files.paths.length * FIELDS);
  const done = countDone(files.paths, (path, index) => {
    room.set(readFile(path, partOf(files, index)), index * FIELDS);
  });
  const signatures = room.subarray(0, done * FIELDS);
  return jobDone({ signatures, files: done });
}

/** As above. */
export function setFileModes({ paths, lengths, modes }: FileModes): HashJobDone {
  const done = countDone(paths, (path, index) => setMode(path, lengths[index]!, modes[index]!));
  return jobDone({ files: done });
}

/** As above; `first` has the roots of the copies. */
export function copySmallFiles({ sources, targets, lengths }: FileCopies): HashJobDone {
  const roots = Buffer.alloc(sources.length * LEAF);
  const nodes = new NodeWriter(roots, LARGEST / BLOCK);
  const done = countDone(sources, (source, index) => {
    const [target, length] = [targets[index]!, lengths[index]!];
    if (!(length > 0 && length <= LARGEST)) throw new Error('The file is none of the small ones.');
    copyFile(source, target, length);
    readStretch(target, 0, length, (count) => nodes.take(count));
    nodes.endFile(length);
  });
  const first = roots.subarray(0, done * LEAF);
  return jobDone({ first, files: done });
}

/** As above; what is not there or no regular file counts as done. */
export function lookAtFiles(paths: readonly string[]): HashJobDone {
  const room = new BigInt64Array(paths.length * FIELDS);
  const done = countDone(paths, (path, index) => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile()) room.set(fieldsOf(stat), index * FIELDS);
  });
  const signatures = room.subarray(0, done * FIELDS);
  return jobDone({ signatures, files: done });
}

function countDone(
  paths: readonly string[],
  action: (path: string, index: number) => void,
): number {
  let done = 0;
  try {
    for (const path of paths) action(path, done++);
    return done;
  } catch {
    // What is wrong shows when the file is done by itself.
    return done - 1;
  }
}

function partOf({ bytes, starts, lengths }: FilesInMemory, index: number): Uint8Array {
  const start = starts[index]!;
  return bytes.subarray(start, start + lengths[index]!);
}

function setMode(path: string, length: number, mode: number): void {
  const stat = lstatSync(path);
  if (!stat.isFile() || stat.size !== length) throw new Error('The file is not as it should be.');
  if ((stat.mode & 0o7777) === mode) return;
  // The path may mean something else by now.
  const file = openSync(path, constants.O_RDONLY | SAFELY);
  try {
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

/** Links and FIFOs may stand in the place of installed files: only a regular file is read. */
function copyFile(source: string, target: string, length: number): void {
  const stat = lstatSync(source);
  if (!stat.isFile() || stat.size !== length) throw new Error('The file is not as it should be.');
  copyFileSync(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  // The copy has the mode of an installed file, which may be read-only.
  if ((stat.mode & 0o7777) !== 0o644) chmodSync(target, 0o644);
}

function writeFile(path: string, bytes: Uint8Array): void {
  const descriptor = createdFile(path) ?? presentFile(path, bytes.length);
  try {
    writeFully({ descriptor, position: 0 }, bytes);
  } finally {
    closeSync(descriptor);
  }
}

/** Null when something is there already. */
function createdFile(path: string): number | null {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null;
    throw error;
  }
}

/** What is left of something longer is cut off. */
function presentFile(path: string, longest: number): number {
  const file = openSync(path, constants.O_RDWR | SAFELY);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error('Something other than a regular file is in the way.');
    if (stat.size > longest) ftruncateSync(file, longest);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function readFile(path: string, into: Uint8Array): BigInt64Array {
  const file = openSync(path, constants.O_RDONLY | SAFELY);
  try {
    for (let at = 0; at < into.length;) {
      const count = readSync(file, into, at, into.length - at, at);
      if (count === 0) throw new Error('The file ends early.');
      at += count;
    }
    return signatureOf(file, path);
  } finally {
    closeSync(file);
  }
}
