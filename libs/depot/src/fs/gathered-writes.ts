import type { FileHandle } from 'node:fs/promises';

import type { ChunkSink, RoomFor, WriteFailure } from './chunk-writer.js';
import { io } from './fs-errors.js';

/** Chunks are gathered up to this many bytes a system call. */
const GATHER_BYTES = 1024 * 1024;

/** Writes chunks here, one batch of them at a time, while the next ones are being produced. */
export class GatheredWrites implements ChunkSink {
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  /** Behind the batch. */
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly key: string,
    private readonly file: FileHandle,
    private readonly onDone: ((chunk: Uint8Array) => void) | undefined,
    private readonly room: RoomFor,
  ) {}

  async add(chunk: Uint8Array, position: number): Promise<void> {
    this.#position = position + chunk.length;
    this.#batch.push(chunk);
    this.#batchBytes += chunk.length;
    // Lent chunks are not held back: their owner may need them for the next.
    if (this.onDone || this.#batchBytes >= GATHER_BYTES) await this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#writing;
  }

  settle(): Promise<WriteFailure | null> {
    return this.#writing.then(
      () => null,
      (error: unknown) => ({ error }),
    );
  }

  /** Starts to write the batch once the one before is written; one is on its way at a time. */
  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#batchBytes === 0) return;
    const [batch, bytes] = [this.#batch, this.#batchBytes];
    this.#batch = [];
    this.#batchBytes = 0;
    this.#writing = this.#writeAll(batch, bytes, this.#position - bytes);
    // Whoever awaits it next gets the error; until then it is not an unhandled one.
    this.#writing.catch(() => undefined);
  }

  async #writeAll(batch: Uint8Array[], bytes: number, position: number): Promise<void> {
    const claim = await this.room(bytes);
    try {
      const { bytesWritten } = await io(this.key, this.file.writev(batch, position));
      if (bytesWritten < bytes) {
        // A short write is how a disk that is filling up, or a signal, shows; the rest tells which.
        const rest = Buffer.concat(batch).subarray(bytesWritten);
        await io(this.key, writeFully(this.file, rest, position + bytesWritten));
      }
    } finally {
      claim.written(bytes);
    }
    if (this.onDone) for (const chunk of batch) this.onDone(chunk);
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
