import type { FileHandle } from 'node:fs/promises';

import { abortableChunks } from '../abortable-chunks.js';
import { lengthMismatch } from '../depot-checks.js';
import type { ChunkOptions, Chunks } from '../depot.js';
import { GatheredWrites } from './gathered-writes.js';
import { GiverWrites } from './giver-writes.js';
import type { SpaceClaim, SpaceGuard } from './space-guard.js';

export interface ChunkWrite extends Pick<ChunkOptions, 'onDone' | 'writeAt'> {
  readonly key: string;
  readonly chunks: Chunks;
  /** Where in the file the first byte goes. */
  readonly position: number;
  readonly expected: number | undefined;
  readonly signal: AbortSignal;
}

/** Brings chunks into an open file. */
export interface ChunkSink {
  /** Takes the next chunk, of which the first byte goes to `position`. @throws what an earlier one failed with */
  add(chunk: Uint8Array, position: number): Promise<void>;
  /** Resolves when everything is written. */
  end(): Promise<void>;
  /**
   * Resolves when nothing is being written any more, so that the file can be closed.
   * @returns what a write failed with, if one did
   */
  settle(): Promise<WriteFailure | null>;
}

export interface WriteFailure {
  readonly error: unknown;
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
  const { key, expected, position } = write;
  // Of unknown length: room is asked for by and by.
  const room = expected === undefined ? null : await space.claim(expected, key);
  const sink = sinkFor(file, write, (bytes) => room ?? space.claim(bytes, key));
  let length = 0;
  try {
    for await (const chunk of abortableChunks(write.chunks, write.signal)) {
      const at = length;
      length += chunk.length;
      if (expected !== undefined && length > expected) throw lengthMismatch(key, expected, length);
      await sink.add(chunk, position + at);
    }
    if (expected !== undefined && length < expected) throw lengthMismatch(key, expected, length);
    await sink.end();
    return length;
  } catch (error) {
    const failure = await sink.settle();
    // Who gives the chunks may have ended only because one of them could not be written.
    throw failure ? failure.error : error;
  } finally {
    room?.release();
  }
}

function sinkFor(file: FileHandle, write: ChunkWrite, room: RoomFor): ChunkSink {
  const { key, onDone, writeAt } = write;
  return writeAt
    ? new GiverWrites(key, file.fd, writeAt, room)
    : new GatheredWrites(key, file, onDone, room);
}

/** The claim that covers the next `bytes`. @throws DEPOT_FULL */
export type RoomFor = (bytes: number) => SpaceClaim | Promise<SpaceClaim>;
