import type { FileHandle } from 'node:fs/promises';

import { abortableChunks } from '../abortable-chunks.js';
import { lengthMismatch } from '../depot-checks.js';
import type { Chunks } from '../depot.js';
import { io } from './fs-errors.js';
import type { SpaceClaim, SpaceGuard } from './space-guard.js';

/** Chunks are gathered up to this many bytes a system call. */
const GATHER_BYTES = 1024 * 1024;

export interface ChunkWrite {
  readonly key: string;
  readonly chunks: Chunks;
  /** Where in the file the first byte goes. */
  readonly position: number;
  readonly expected: number | undefined;
  readonly signal: AbortSignal;
  /** See `ChunkOptions`. */
  readonly onDone?: ((chunk: Uint8Array) => void) | undefined;
}

/**
 * Writes chunks into an open file while the next ones are being produced.
 * @returns how many bytes came.
 * @throws what the producer throws; DEPOT_LENGTH_MISMATCH; DEPOT_FULL; DISK_IO
 */
export async function writeChunks(
  file: FileHandle,
  write: ChunkWrite,
  space: SpaceGuard,
): Promise<number> {
  const gather = new Gatherer(file, write, space);
  try {
    if (write.expected !== undefined) await gather.claim(write.expected);
    for await (const chunk of abortableChunks(write.chunks, write.signal)) await gather.add(chunk);
    return await gather.end();
  } finally {
    await gather.settle();
  }
}

class Gatherer {
  #length = 0;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #claim: SpaceClaim | undefined;

  constructor(
    private readonly file: FileHandle,
    private readonly write: ChunkWrite,
    private readonly space: SpaceGuard,
  ) {}

  async claim(bytes: number): Promise<void> {
    this.#claim = await this.space.claim(bytes, this.write.key);
  }

  async add(chunk: Uint8Array): Promise<void> {
    const { expected, key } = this.write;
    const length = this.#length + chunk.length;
    if (expected !== undefined && length > expected) throw lengthMismatch(key, expected, length);
    this.#length = length;
    this.#batch.push(chunk);
    this.#batchBytes += chunk.length;
    // Lent chunks are not held back: their owner may need them for the next.
    if (this.write.onDone || this.#batchBytes >= GATHER_BYTES) await this.#flush();
  }

  async end(): Promise<number> {
    const { expected, key } = this.write;
    if (expected !== undefined && this.#length < expected) {
      throw lengthMismatch(key, expected, this.#length);
    }
    await this.#flush();
    await this.#writing;
    return this.#length;
  }

  /** Waits until no write is on its way, so that the file can be closed. */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
    this.#claim?.release();
  }

  /** Starts to write the batch once the one before is written; one is on its way at a time. */
  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#batchBytes === 0) return;
    // Of unknown length: room is asked for batch by batch.
    if (this.write.expected === undefined) await this.claim(this.#batchBytes);
    const [batch, bytes] = [this.#batch, this.#batchBytes];
    this.#batch = [];
    this.#batchBytes = 0;
    this.#writing = this.#writeAll(batch, bytes, this.write.position + this.#length - bytes);
    // Whoever awaits it next gets the error; until then it is not an unhandled one.
    this.#writing.catch(() => undefined);
  }

  async #writeAll(batch: Uint8Array[], bytes: number, position: number): Promise<void> {
    const { key } = this.write;
    const { bytesWritten } = await io(key, this.file.writev(batch, position));
    if (bytesWritten < bytes) {
      // A short write is how a disk that is filling up, or a signal, shows; the rest tells which.
      const rest = Buffer.concat(batch).subarray(bytesWritten);
      await io(key, writeFully(this.file, rest, position + bytesWritten));
    }
    this.#claim?.written(bytes);
    const { onDone } = this.write;
    if (onDone) for (const chunk of batch) onDone(chunk);
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
