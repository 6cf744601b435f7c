import { MAX_PACK_BYTES, MAX_PACK_FILES, PACKED_BELOW } from '#lib/depot';

import type { ListedFile } from './tree.listing.js';

/** Files that gather in one object: a large one by itself, small ones together. */
export interface TreeGroup {
  /** `f<n>` or `p<n>`, where n is the index of the (first) file, as in uploads. */
  readonly object: string;
  readonly files: readonly ListedFile[];
}

/** What has bytes, in the order of the files; the same for the same listing. */
export function groupsOf(files: readonly ListedFile[]): TreeGroup[] {
  const groups: TreeGroup[] = [];
  let pack: { object: string; files: ListedFile[]; bytes: number } | null = null;
  for (const [index, file] of files.entries()) {
    const { length } = file;
    if (length === 0) continue;
    if (length >= PACKED_BELOW) {
      groups.push({ object: `f${index}`, files: [file] });
      continue;
    }
    const isFull =
      pack !== null &&
      (pack.bytes + length > MAX_PACK_BYTES || pack.files.length === MAX_PACK_FILES);
    if (pack === null || isFull) {
      pack = { object: `p${index}`, files: [], bytes: 0 };
      groups.push(pack);
    }
    pack.files.push(file);
    pack.bytes += length;
  }
  return groups;
}
