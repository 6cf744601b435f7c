import { z } from 'zod';

import { ByteCount, FleetseedError } from '#lib/contracts';
import type { ForeignEntry } from '#lib/depot';
import { TREE_DOCUMENT_PATH } from '#lib/swarm';
import { checkPath, comparePaths, PathSet } from '#lib/torrent';

/** An object that is to be a file of a tree, as it was when the import began. */
export const ListedFile = z.object({
  path: z.array(z.string()),
  length: ByteCount,
  /** Its ETag. */
  version: z.string(),
});
export type ListedFile = z.infer<typeof ListedFile>;

/** What a tree is made of: just these objects, of these versions. */
export const TreeListing = z.object({ v: z.literal(1), files: z.array(ListedFile) });
export type TreeListing = z.infer<typeof TreeListing>;

export interface ListingLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/**
 * Gathers what a bucket lists below a prefix, held to the rules of uploaded trees while it comes, so
 * that a crowd of objects is refused before it is in memory. Keys that end in a slash and have no bytes
 * stand for folders, and make no file.
 */
export class ListingBuilder {
  readonly #files: ListedFile[] = [];
  readonly #paths = new PathSet();
  #bytes = 0;

  constructor(
    private readonly prefix: string,
    private readonly limits: ListingLimits,
  ) {}

  /** @throws METAINFO_PATH_INVALID, PAYLOAD_TOO_LARGE, SOURCE_UNAVAILABLE */
  add({ key, length, version }: ForeignEntry): void {
    if (key.endsWith('/') && length === 0) return;
    const path = key.slice(this.prefix.length).split('/');
    checkPath(path);
    if (path[0] === TREE_DOCUMENT_PATH[0]) throw reserved(path);
    this.#paths.add(path);
    if (version === null) {
      throw new FleetseedError('SOURCE_UNAVAILABLE', 'The store names no ETags of its objects.');
    }
    this.#bytes += length;
    this.#files.push({ path, length, version });
    const { maxFiles, maxBytes } = this.limits;
    if (this.#files.length > maxFiles) throw tooLarge(`${maxFiles} files`);
    if (this.#bytes > maxBytes) throw tooLarge(`${maxBytes} bytes`);
  }

  /** In the order of trees. @throws SOURCE_NOT_FOUND when there is no file */
  end(): TreeListing {
    if (this.#files.length === 0) {
      throw new FleetseedError('SOURCE_NOT_FOUND', 'There is no object below this prefix.');
    }
    return { v: 1, files: this.#files.toSorted((a, b) => comparePaths(a.path, b.path)) };
  }
}

/** What is not the same in two listings of a tree, as a path; null when they are the same. */
export function changeBetween(before: TreeListing, now: TreeListing): string | null {
  for (let index = 0; index < Math.max(before.files.length, now.files.length); index++) {
    const [one, other] = [before.files[index], now.files[index]];
    if (!one || !other) return pathText((one ?? other)!);
    const order = comparePaths(one.path, other.path);
    if (order !== 0) return pathText(order < 0 ? one : other);
    if (one.version !== other.version || one.length !== other.length) return pathText(one);
  }
  return null;
}

export function pathText({ path }: Pick<ListedFile, 'path'>): string {
  return path.join('/');
}

export function bytesOf({ files }: TreeListing): number {
  return files.reduce((sum, { length }) => sum + length, 0);
}

export function treeChanged(path: string): FleetseedError {
  const text = `${path} was added, changed or removed while the tree was fetched.`;
  return new FleetseedError('SOURCE_CHANGED', text, { path });
}

/** What stands there is obeyed where the tree is installed: only a push may write it. */
function reserved(path: readonly string[]): FleetseedError {
  const text = `${path.join('/')} has a name that is kept for Fleetseed.`;
  return new FleetseedError('METAINFO_PATH_INVALID', text, { path: path.join('/') });
}

function tooLarge(limit: string): FleetseedError {
  return new FleetseedError('PAYLOAD_TOO_LARGE', `The tree has more than ${limit}.`, { limit });
}
