import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a tree is, in a form that can be compared: path → `file 755 <hash>`, `link -> <text>` or
 * `folder` (empty ones only; the others show in the paths of what they hold).
 */
export function treePicture(root: string, below = ''): Record<string, string> {
  const picture: Record<string, string> = {};
  const names = readdirSync(join(root, below)).toSorted();
  if (names.length === 0) picture[below] = 'folder';
  for (const name of names) {
    const path = join(below, name);
    const stats = lstatSync(join(root, path));
    if (stats.isDirectory()) Object.assign(picture, treePicture(root, path));
    else if (stats.isSymbolicLink()) picture[path] = `link -> ${readlinkSync(join(root, path))}`;
    else picture[path] = `file ${(stats.mode & 0o777).toString(8)} ${hashOf(join(root, path))}`;
  }
  return picture;
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
