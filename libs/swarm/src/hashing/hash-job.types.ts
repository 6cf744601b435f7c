import type { FileCopies, FileModes, FilesInMemory } from '../disk/small-files.js';

/** A part of the byte stream that a {@link StreamJob} hashes. */
export interface StreamSegment {
  /** Null for zeros (a BEP 47 pad): they count for v1 pieces only. */
  readonly path: string | null;
  /** Where in the file to begin, bytes. */
  readonly start: number;
  readonly length: number;
}

export interface SpanJob {
  readonly kind: 'span';
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
  readonly paddedLeaves: Uint32Array;
  /** Whether the SHA-1 of each slice is wanted as well. */
  readonly sha1: boolean;
  /** Where the bytes go once they are hashed; null for nowhere. */
  readonly file: OpenFile | null;
}

/** A place in a file that is open in this process; whoever asks keeps it open until the answer. */
export interface OpenFile {
  readonly descriptor: number;
  /** Where the first byte goes. */
  readonly position: number;
}

export interface SpanV1Job {
  readonly kind: 'span-v1';
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
  readonly padding: Uint32Array | null;
}

export interface RootJob {
  readonly kind: 'root';
  readonly leaves: Uint8Array;
  readonly paddedLeaves: number;
}

/** Reads the v1 stream that the segments make up, from the beginning of a piece. */
export interface StreamJob {
  readonly kind: 'stream';
  readonly segments: readonly StreamSegment[];
  readonly pieceLengthV1: number;
}

/**
 * Reads whole files, or stretches of long ones that begin where a node and a v1 piece do. Fields of a
 * stretch have one index; numbers lie in typed arrays because thousands of objects are dear to send.
 */
export interface FilesJob {
  readonly kind: 'files';
  readonly paths: readonly string[];
  readonly starts: Float64Array;
  readonly lengths: Float64Array;
  /** Bytes of the whole files, which they must have when they are opened. */
  readonly fileLengths: Float64Array;
  /** Leaves below each Merkle node that is kept; a power of two. */
  readonly leavesPerNode: number;
  /** 0 for none. */
  readonly pieceLengthV1: number;
  /** Fill the last v1 piece of each file with zeros. */
  readonly padV1: boolean;
}

/** Goes on with hashes that the thread keeps under `id` from one job to the next. */
export interface OrderedJob {
  readonly kind: 'ordered';
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Whether the SHA-256 of all bytes is wanted. */
  readonly digest: boolean;
  /** 0 for no v1 pieces. */
  readonly pieceLengthV1: number;
  /** The thread gives the hashes and forgets them. */
  readonly last: boolean;
}

/** Small files that are read into memory or written from there. */
export interface SmallFilesJob {
  readonly kind: 'read-files' | 'write-files';
  readonly files: FilesInMemory;
}

/** Small files that get their modes. */
export interface FileModesJob {
  readonly kind: 'set-modes';
  readonly files: FileModes;
}

export interface CopyJob {
  readonly kind: 'copy-files';
  readonly copies: FileCopies;
}

/** What lies at these paths, whatever it is. */
export interface LookJob {
  readonly kind: 'look';
  readonly paths: readonly string[];
}

export type HashJob =
  | SpanJob
  | SpanV1Job
  | RootJob
  | StreamJob
  | FilesJob
  | OrderedJob
  | SmallFilesJob
  | FileModesJob
  | CopyJob
  | LookJob;

/** What a job gives; what it does not give is empty. */
export interface HashJobDone {
  /** Leaves, or SHA-1 hashes of a v1 job, or the root, or the nodes of files, or a digest. */
  readonly first: Uint8Array;
  /** Roots, followed by the SHA-1 of each slice if it was wanted, or v1 pieces. */
  readonly second: Uint8Array;
  /**
   * Of each stretch, or of each small file that was read or looked at, four numbers: size, mtimeNs, ctimeNs, ino;
   * zeros for what is no regular file.
   */
  readonly signatures: BigInt64Array;
  /** How many small files were done before one failed. */
  readonly files: number;
}

/** A job that failed, in a shape that crosses threads; `code` is that of a system error, or CHANGED. */
export interface HashJobFailed {
  readonly message: string;
  readonly code: string | null;
  readonly path: string | null;
}

export type HashJobOutcome =
  | { readonly ok: true; readonly done: HashJobDone }
  | { readonly ok: false; readonly failed: HashJobFailed };

/** Marks a worker of ours, so that the module can be loaded elsewhere without taking part. */
export const HASH_WORKER_ROLE = 'fleetseed-hash-worker';
