import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { compareKeys } from '../depot-key.js';
import { io, isSystemError } from './fs-errors.js';

export interface KeyWalk {
  readonly prefix: string;
  readonly after: string | undefined;
  readonly folders: boolean;
}

/**
 * The keys under `root` that a listing wants, in bytewise order. A folder's name takes part with
 * its `/`, because that is where its keys sort: `a-b` comes before `a/b`.
 */
export async function* walkKeys(root: string, walk: KeyWalk, base = ''): AsyncGenerator<string> {
  for (const name of await sortedEntries(root, base)) {
    const key = base + name;
    if (!name.endsWith('/')) {
      if (key.startsWith(walk.prefix) && isAfter(key, walk)) yield key;
    } else if (walk.folders && key.startsWith(walk.prefix) && key.length > walk.prefix.length) {
      if (isAfter(key, walk) && (await hasKey(root, key))) yield key;
    } else if (mayHold(key, walk)) {
      yield* walkKeys(root, walk, key);
    }
  }
}

function isAfter(key: string, { after }: KeyWalk): boolean {
  return after === undefined || key > after;
}

function mayHold(folder: string, { prefix, after }: KeyWalk): boolean {
  if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) return false;
  return after === undefined || folder > after || after.startsWith(folder);
}

async function hasKey(root: string, base: string): Promise<boolean> {
  const first = await walkKeys(
    root,
    { prefix: base, after: undefined, folders: false },
    base,
  ).next();
  return !first.done;
}

/** Names that begin with a dot are the depot's own and no keys. */
async function sortedEntries(root: string, base: string): Promise<string[]> {
  try {
    const entries = await readdir(join(root, base), { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory()))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort(compareKeys);
  } catch (error) {
    // Removed meanwhile, or a prefix that leads nowhere: no key was there during the whole listing.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return [];
    return io(base, Promise.reject(error));
  }
}
