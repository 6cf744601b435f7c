import { z } from 'zod';

import type { LedgerRecord } from '#lib/contracts';
import { randomSecret } from '#lib/runtime';

import type { OriginApi } from '../connection/origin-api.js';
import type { PullBytes, PullTarget } from './pull.types.js';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;

/**
 * Tells the ledger of a finished pull. The record names itself, so sending it again counts once.
 * Not under the invocation's signal: one that ends right after the pull still owes its account.
 */
export async function reportStage(
  api: OriginApi,
  { artifact, app, version, metainfo }: PullTarget,
  bytes: PullBytes,
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
    delivered: metainfo.length,
    fromOrigin: bytes.fromOrigin,
    fromPeers: bytes.fromPeers,
    reused: bytes.reused,
    wasted: bytes.wasted,
    seconds,
  };
  await api.client.call({
    method: 'POST',
    path: '/api/v1/ledger/records',
    json: { records: [record] },
    answer: z.unknown(),
    attempts: ATTEMPTS,
    timeoutMs: TIMEOUT_MS,
  });
}
