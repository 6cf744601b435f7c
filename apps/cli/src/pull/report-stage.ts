import { z } from 'zod';

import type { LedgerRecord } from '#lib/contracts';
import { randomSecret } from '#lib/runtime';

import type { PullBytes, PullCall } from './pull.types.js';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;

/**
 * Tells the ledger of a finished pull. The record names itself, so sending it again counts once.
 * Not under the invocation's signal: one that ends right after the pull still owes its account. A
 * download that is there is no failure because its account could not be told.
 */
export async function tellLedger(
  { api, output, app, version }: PullCall,
  artifact: string,
  { delivered, bytes }: { readonly delivered: number; readonly bytes: PullBytes },
  seconds: number,
): Promise<void> {
  const record: LedgerRecord = {
    session: randomSecret(12),
    sequence: 1,
    at: Date.now(),
    artifact,
    app,
    version,
    completed: true,
    delivered,
    fromOrigin: bytes.fromOrigin,
    fromPeers: bytes.fromPeers,
    reused: bytes.reused,
    wasted: bytes.wasted,
    seconds,
  };
  try {
    await api.client.call({
      method: 'POST',
      path: '/api/v1/ledger/records',
      json: { records: [record] },
      answer: z.unknown(),
      attempts: ATTEMPTS,
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    output.note(`note: the origin's ledger does not know of this pull: ${reason}`);
  }
}
