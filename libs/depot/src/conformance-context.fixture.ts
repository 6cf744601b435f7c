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
