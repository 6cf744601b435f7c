import { comparePaths } from './path-rules.js';

/** A stretch of the v1 byte stream: all bytes of a file (an index into the input), or zeros. */
export type V1Segment = { readonly file: number } | { readonly pad: number };

/** What the order of files is decided by. */
export interface StreamFile {
  readonly path: readonly string[];
  /** Bytes; 0 for symlinks. */
  readonly length: number;
}

/** The indexes of `files` in canonical order (BEP 52: bytewise, component by component). */
export function canonicalOrder(files: readonly Pick<StreamFile, 'path'>[]): number[] {
  return files
    .map((_, index) => index)
    .toSorted((left, right) => comparePaths(files[left]!.path, files[right]!.path));
}

/**
 * The v1 byte stream: which files, and which zeros between them, in which order. Files without
 * bytes have their segment too. In a v1-only torrent files follow each other directly. In a hybrid
 * every file with bytes starts a piece: a pad follows each file that ends inside one, also the
 * last (the canonical tail pad), unless the file is the only one (BEP 47, BEP 52).
 */
export function v1Stream(
  files: readonly StreamFile[],
  pieceLength: number,
  hybrid: boolean,
): V1Segment[] {
  const segments: V1Segment[] = [];
  const padded = hybrid && files.length > 1;
  for (const index of canonicalOrder(files)) {
    segments.push({ file: index });
    const over = files[index]!.length % pieceLength;
    if (padded && over > 0) segments.push({ pad: pieceLength - over });
  }
  return segments;
}
