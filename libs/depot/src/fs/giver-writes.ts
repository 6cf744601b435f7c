import type { ChunkOptions } from '../depot.js';
import type { ChunkSink, RoomFor, WriteFailure } from './chunk-writer.js';
import { io } from './fs-errors.js';

/**
 * Lets the giver of chunks write them into a file. The descriptor is a mere number on its way to
 * another thread: the file must not be closed before `settle`, else it could be another one's by then.
 */
export class GiverWrites implements ChunkSink {
  readonly #writing = new Set<Promise<void>>();
  #failure: WriteFailure | null = null;

  constructor(
    private readonly key: string,
    private readonly descriptor: number,
    private readonly writeAt: NonNullable<ChunkOptions['writeAt']>,
    private readonly room: RoomFor,
  ) {}

  async add(chunk: Uint8Array, position: number): Promise<void> {
    const claim = await this.room(chunk.length);
    if (this.#failure) {
      // It will not be written, so nothing else gives the room back.
      claim.release();
      throw this.#failure.error;
    }
    const writing = io(this.key, this.writeAt(chunk, this.descriptor, position))
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        claim.written(chunk.length);
        this.#writing.delete(writing);
      });
    this.#writing.add(writing);
  }

  async end(): Promise<void> {
    const failure = await this.settle();
    if (failure) throw failure.error;
  }

  async settle(): Promise<WriteFailure | null> {
    await Promise.all(this.#writing);
    return this.#failure;
  }
}
