import { chmod, constants, copyFile, rm } from 'node:fs/promises';

import { lstatPath } from '../disk/raw-file.js';

/**
 * Copies a file of this machine, as a reflink where the file system can, to where pieces can be written
 * into it. Only a regular file is read: people put links and FIFOs in the place of installed files.
 *
 * @returns false when there is nothing to copy: it went away, is no file, or cannot be read
 */
export async function copyLocal(source: string, target: string): Promise<boolean> {
  try {
    await rm(target, { recursive: true, force: true });
    if (!(await lstatPath(source))?.isFile()) return false;
    await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    // The copy has the mode of an installed file, which may be read-only.
    await chmod(target, 0o644);
    return true;
  } catch {
    await rm(target, { recursive: true, force: true });
    return false;
  }
}
