import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the entries of a folder durable: names that were created, renamed or removed in it. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeTemporary(path: string, bytes: Uint8Array | string, mode: number) {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    // A failed fsync leaves the page cache in an unknown state: this inode is never tried again.
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  return temporary;
}

/** Replaces a file so that after a crash it has the old content or the new, and never a mixture. */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o644,
): Promise<void> {
  const temporary = await writeTemporary(path, bytes, mode);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/**
 * Creates a file that must not exist yet; of any number of racers exactly one wins.
 * @returns false if the name was taken, whose content is then untouched; it is durable either way.
 */
export async function createFileDurably(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o644,
): Promise<boolean> {
  const temporary = await writeTemporary(path, bytes, mode);
  let created = true;
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    created = false;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return created;
}
