import type { FileSignature } from './file-signature.js';
import type { FileSegment, FileSpans } from './file-spans.js';

/** Whole files side by side in memory that threads share. */
export interface FilesInMemory {
  readonly bytes: Uint8Array;
  readonly paths: readonly string[];
  /** Where each file begins in `bytes`. */
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
}

/** Files that are to have these lengths and are to get these modes. */
export interface FileModes {
  readonly paths: readonly string[];
  /** Bytes. */
  readonly lengths: Float64Array;
  /** Permission bits. */
  readonly modes: Uint16Array;
}

/** Larger files are not copied here, bytes: a thread should not be busy with one for long. */
export const LARGEST_COPY = 1024 * 1024;

/** Files of this machine and where copies of them are to be, in folders that are there. */
export interface FileCopies {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  /** Bytes that the sources are to have, at most {@link LARGEST_COPY}. */
  readonly lengths: Float64Array;
}

/**
 * Reads and writes many files in one go, on a thread. One by one, each takes four ways to Node's thread pool
 * and back, which cost more time than a small file itself.
 *
 * Files are taken in order up to the first that fails. That one and those behind it are for the caller to
 * do one by one: there it is found out what is wrong. Nothing is read or written through a symlink, nor
 * anything but regular files; the folders must be there.
 */
export interface SmallFiles {
  /**
   * Creates the files, or overwrites them from the start to their end.
   * @returns how many were written
   */
  writeFiles(files: FilesInMemory): Promise<number>;
  /**
   * Fills each file's place in `bytes`; a file that is shorter fails.
   * @returns what each file that was read was after that
   */
  readFiles(files: FilesInMemory): Promise<FileSignature[]>;
  /** @returns of how many files the mode is right now */
  setModes(files: FileModes): Promise<number>;
  /**
   * Copies, as reflinks where the file system can, to where nothing is; copies can be written to.
   * @returns the BEP 52 root of each copy that was made, as it lies there
   */
  copyFiles(copies: FileCopies): Promise<Buffer[]>;
  /** @returns what each file is; null for what is not there or no regular file */
  lookAt(paths: readonly string[]): Promise<(FileSignature | null)[]>;
}

/** One file is as well done by itself. */
const FEW = 2;

/**
 * Parts a range into whole files for {@link SmallFiles} and what is to be done one by one: parts of larger
 * files, and everything in memory that threads do not share.
 */
export function partSegments(
  spans: FileSpans,
  segments: readonly FileSegment[],
  bytes: Uint8Array,
): { readonly small: readonly FileSegment[]; readonly single: readonly FileSegment[] } {
  if (segments.length < FEW || !(bytes.buffer instanceof SharedArrayBuffer)) {
    return { small: [], single: segments };
  }
  const small: FileSegment[] = [];
  const single: FileSegment[] = [];
  for (const segment of segments) {
    const isWhole = segment.length === spans.lengthOf(segment.file);
    (isWhole ? small : single).push(segment);
  }
  return small.length < FEW ? { small: [], single: segments } : { small, single };
}

export function filesInMemory(
  segments: readonly FileSegment[],
  bytes: Uint8Array,
  pathOf: (file: number) => string,
): FilesInMemory {
  return {
    bytes,
    paths: segments.map(({ file }) => pathOf(file)),
    starts: Uint32Array.from(segments, ({ at }) => at),
    lengths: Uint32Array.from(segments, ({ length }) => length),
  };
}
