import { isDeepStrictEqual } from 'node:util';

import { invalid } from './fields.reader.js';
import type { V1Files } from './v1-files.parser.js';
import type { V2Files } from './v2-tree.parser.js';

/**
 * Holds the two views of a hybrid against each other: the same files in the same order, each file
 * with bytes at the start of the same piece, the same number of pieces. How pads make that so is
 * left open: with or without the tail pad, in one entry or several.
 *
 * @throws FleetseedError METAINFO_INVALID
 */
export function checkHybrid(v1: V1Files, v2: V2Files, pieceLength: number): void {
  if (v1.files.length !== v2.files.length) {
    throw inconsistent(`${v1.files.length} files in v1, ${v2.files.length} in v2`);
  }
  for (const [index, file] of v2.files.entries()) {
    const other = v1.files[index]!;
    const path = file.path.join('/');
    if (!isDeepStrictEqual(other.path, file.path)) {
      throw inconsistent(`v1 has ${other.path.join('/')} where v2 has ${path}`);
    }
    if (other.length !== file.length) throw inconsistent(`the length of ${path}`);
    if (!isDeepStrictEqual(other.symlink, file.symlink)) {
      throw inconsistent(`the symlink target of ${path}`);
    }
  }
  for (const { file, offset, length } of v1.view.files) {
    if (file === null || length === 0) continue;
    const entry = v2.files[file]!;
    if (offset !== entry.firstPiece * pieceLength) {
      throw inconsistent(`${entry.path.join('/')} does not start at its piece in v1`);
    }
  }
  if (v1.view.pieceCount !== v2.pieceCount) {
    throw inconsistent(`${v1.view.pieceCount} pieces in v1, ${v2.pieceCount} in v2`);
  }
}

function inconsistent(what: string): Error {
  return invalid(`The v1 and v2 views of the torrent do not agree: ${what}.`);
}
