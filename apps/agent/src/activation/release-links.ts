import { randomBytes } from 'node:crypto';
import { readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { syncFolder } from '#lib/runtime';

export type LinkName = 'current' | 'previous';

/** The release folder a link names, or null when there is no such link. */
export async function readReleaseLink(home: string, link: LinkName): Promise<string | null> {
  try {
    const target = await readlink(join(home, link));
    return target.startsWith('releases/') ? target.slice('releases/'.length) : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * Points a link at `releases/<folder>`. The swap is one rename: whoever opens a path below the link
 * sees the old tree or the new one, at every moment and after every crash.
 */
export async function setReleaseLink(home: string, link: LinkName, folder: string): Promise<void> {
  const temporary = join(home, `.${link}-${randomBytes(6).toString('hex')}`);
  await symlink(`releases/${folder}`, temporary);
  try {
    await rename(temporary, join(home, link));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(home);
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'EINVAL';
}
