import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { systemErrorCode } from '#lib/contracts';
import type { Metainfo } from '#lib/torrent';

/** Where an app's releases stand. */
export function releasesFolder(home: string): string {
  return join(home, 'releases');
}

/**
 * Where an artifact stands inside the folder of its release: a tree is the folder, one file lies in it
 * under its own name.
 */
export function artifactRoot(
  home: string,
  folder: string,
  { single, name }: Pick<Metainfo, 'single' | 'name'>,
): string {
  const release = join(releasesFolder(home), folder);
  return single ? join(release, name) : release;
}

/** Whether a folder stands under the name of a release. */
export async function isInstalled(home: string, folder: string): Promise<boolean> {
  try {
    return (await stat(join(releasesFolder(home), folder))).isDirectory();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
