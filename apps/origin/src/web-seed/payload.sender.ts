import type { Writable } from 'node:stream';

import { ioBuffer } from '#lib/runtime';

/** Where payload bytes come from; the engine's PayloadStore and the depot's artifacts are such. */
export interface PayloadReader {
  read(offset: number, target: Uint8Array): Promise<void>;
}

export interface SendOptions {
  /** Bytes that left for the kernel, called after each chunk. */
  readonly onSent: (bytes: number) => void;
}

/** Bytes of one read and one write. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * Sends `length` bytes from payload `offset`: one chunk is read while the one before is on its way,
 * so that memory is two chunks whatever the length and however slow the reader is.
 *
 * @returns false when the receiver went away before the last byte.
 * @throws what `read` throws; the receiver has then got less than it was promised.
 */
export async function sendPayload(
  source: PayloadReader,
  offset: number,
  length: number,
  receiver: Writable,
  { onSent }: SendOptions,
): Promise<boolean> {
  const buffers = [0, 1].map(() => ioBuffer(Math.min(CHUNK_BYTES, length)));
  const readAt = async (at: number, turn: number): Promise<Buffer> => {
    const chunk = buffers[turn % 2]!.subarray(0, Math.min(CHUNK_BYTES, length - at));
    await source.read(offset + at, chunk);
    return chunk;
  };
  let next: Promise<Buffer> | null = length > 0 ? readAt(0, 0) : null;
  for (let at = 0, turn = 0; next; turn++) {
    const chunk = await next;
    at += chunk.length;
    // The write below ends before this chunk's buffer is read into again, two turns later.
    next = at < length ? readAt(at, turn + 1) : null;
    // A failed read is met at the next turn; until then nobody else waits for it.
    next?.catch(() => undefined);
    if (!(await writeChunk(receiver, chunk))) {
      await next?.catch(() => undefined);
      return false;
    }
    onSent(chunk.length);
  }
  return true;
}

/** @returns false when the receiver is gone. The chunk is the caller's again after that. */
async function writeChunk(receiver: Writable, chunk: Buffer): Promise<boolean> {
  if (receiver.destroyed || receiver.writableEnded) return false;
  const written = Promise.withResolvers<boolean>();
  const gone = () => written.resolve(false);
  receiver.once('close', gone);
  receiver.write(chunk, (error) => written.resolve(!error));
  const fine = await written.promise;
  receiver.off('close', gone);
  return fine;
}
