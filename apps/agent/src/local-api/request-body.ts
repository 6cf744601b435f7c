import type { IncomingMessage } from 'node:http';

import { FleetseedError } from '#lib/contracts';

const MOST_BYTES = 64 * 1024;

/** The JSON that a request carries. @throws FleetseedError REQUEST_INVALID */
export async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw invalid('it is too long');
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw invalid('it is not JSON');
  }
}

function invalid(why: string): FleetseedError {
  return new FleetseedError('REQUEST_INVALID', `The request cannot be read: ${why}.`);
}
