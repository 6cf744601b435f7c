import type { FilesJob } from './hash-job.types.js';

export interface FileToHash {
  readonly path: string;
  /** Bytes it is known to have. */
  readonly length: number;
}

/** How files are hashed: bytes below each Merkle node that is kept, and v1 pieces. */
export interface FileCut {
  /** A power of two of at least 16 KiB. */
  readonly nodeSpan: number;
  /** 0 for none; else nodes and v1 pieces begin with each file. */
  readonly pieceLengthV1: number;
  readonly padV1: boolean;
}

/** What one job reads: files one after the other, or a stretch of a long one. */
export interface FileBatch {
  readonly job: FilesJob;
  /** Index of its first file; the others follow. */
  readonly first: number;
  readonly bytes: number;
}

const BLOCK = 16_384;
/** What one thread reads and hashes in a job. */
export const JOB_BYTES = 8 * 1024 * 1024;
/** Opening, asking for and closing a file takes as long as hashing so many bytes. */
const COST_OF_FILE = 16 * 1024;
/** Small files of a job: enough that the message is nothing, few enough to share them out evenly. */
const SMALL_FILES_COST = 4 * 1024 * 1024;

/**
 * Cuts files into jobs: long ones into stretches that other threads can take, short ones many to a job.
 */
export function* cutFiles(files: readonly FileToHash[], cut: FileCut): Generator<FileBatch> {
  const step = Math.max(JOB_BYTES, cut.nodeSpan, cut.pieceLengthV1);
  let batch = new BatchBuilder(0);
  for (const [index, file] of files.entries()) {
    if (file.length <= step) {
      batch.add(file, 0, file.length);
      if (batch.cost >= SMALL_FILES_COST) {
        yield batch.end(cut);
        batch = new BatchBuilder(index + 1);
      }
      continue;
    }
    if (batch.cost > 0) yield batch.end(cut);
    for (let start = 0; start < file.length; start += step) {
      batch = new BatchBuilder(index);
      batch.add(file, start, Math.min(step, file.length - start));
      yield batch.end(cut);
    }
    batch = new BatchBuilder(index + 1);
  }
  if (batch.cost > 0) yield batch.end(cut);
}

class BatchBuilder {
  cost = 0;
  readonly #paths: string[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #fileLengths: number[] = [];
  #bytes = 0;

  constructor(private readonly first: number) {}

  add(file: FileToHash, start: number, length: number): void {
    this.#paths.push(file.path);
    this.#starts.push(start);
    this.#lengths.push(length);
    this.#fileLengths.push(file.length);
    this.#bytes += length;
    this.cost += COST_OF_FILE + length;
  }

  end({ nodeSpan, pieceLengthV1, padV1 }: FileCut): FileBatch {
    const job: FilesJob = {
      kind: 'files',
      paths: this.#paths,
      starts: Float64Array.from(this.#starts),
      lengths: Float64Array.from(this.#lengths),
      fileLengths: Float64Array.from(this.#fileLengths),
      leavesPerNode: nodeSpan / BLOCK,
      pieceLengthV1,
      padV1,
    };
    return { job, first: this.first, bytes: this.#bytes };
  }
}
