import { execFile } from 'node:child_process';
import { close, fsync, open } from 'node:fs';
import { promisify } from 'node:util';

import { diskError } from './disk-errors.js';
import { eachAtMost } from './in-flight.js';

const openFd = promisify(open);
const closeFd = promisify(close);
const fsyncFd = promisify(fsync);
const execute = promisify(execFile);

/** With more paths than this, one syncfs is quicker than an fsync each. */
const FEW = 16;
const AT_ONCE = 16;
const SYNC_TIMEOUT_MS = 10 * 60_000;

/**
 * Makes files and folders durable: when it resolves, their bytes and entries survive a power cut.
 * An fsync each waits for the disk's cache once per file; `sync -f` of coreutils is syncfs(2), which
 * writes all dirty pages of the file system together and waits once. Where that command is lacking,
 * or does not know the option (BusyBox without it), each path is synced by itself.
 *
 * @param folder on the file system that all paths lie on
 */
export async function syncPaths(folder: string, paths: readonly string[]): Promise<void> {
  if (paths.length > FEW && (await syncFileSystem(folder))) return;
  await eachAtMost(paths, AT_ONCE, syncPath);
}

/** @returns false when the command is not to be had; a failure of the disk then shows at each path. */
async function syncFileSystem(folder: string): Promise<boolean> {
  try {
    await execute('sync', ['-f', '--', folder], { timeout: SYNC_TIMEOUT_MS });
    return true;
  } catch {
    return false;
  }
}

async function syncPath(path: string): Promise<void> {
  try {
    const fd = await openFd(path, 'r');
    try {
      await fsyncFd(fd);
    } finally {
      await closeFd(fd);
    }
  } catch (error) {
    throw diskError(error, path);
  }
}
