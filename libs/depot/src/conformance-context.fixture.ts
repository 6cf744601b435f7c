import { expect } from 'vitest';

import type { Depot } from './depot.js';

/** What a part of the conformance suite works on. */
export interface ConformanceContext {
  readonly depot: () => Depot;
  /** A key that was not used before. */
  readonly fresh: (what: string) => string;
}

export const bytesOf = (text: string) => Buffer.from(text);
export const coded = (code: string) => expect.objectContaining({ code });

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* failingAfter(
  chunks: readonly Buffer[],
  error: Error,
): AsyncGenerator<Buffer> {
  yield* chunks;
  throw error;
}

/** Pieces of `content` in one buffer that is filled anew as soon as the depot is done with it. */
export function lentChunks(content: Buffer, size: number) {
  const buffer = Buffer.alloc(size);
  const told: number[] = [];
  let free = Promise.withResolvers<void>();
  free.resolve();
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += size) {
      await free.promise;
      free = Promise.withResolvers();
      const chunk = buffer.subarray(0, content.copy(buffer, 0, at, at + size));
      yield chunk;
    }
  }
  const onDone = (chunk: Uint8Array) => {
    told.push(chunk.length);
    // Whoever still needed it would find other bytes.
    chunk.fill(0xee);
    free.resolve();
  };
  return { chunks: chunks(), onDone, told };
}
