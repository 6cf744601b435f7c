import { openS3Depot, type Depot, type S3DepotOptions } from '#lib/depot';

import type { S3Server } from './s3-server.js';

/** Tries that follow each other quickly: a test waits for none of them. */
export const IMPATIENT = {
  timeoutMs: 5000,
  totalMs: 10_000,
  backoffStartMs: 5,
  backoffLimitMs: 50,
};

let depots = 0;

/** A depot of its own in the store; `options` may name an earlier one's prefix. */
export function openDepot(server: S3Server, options: Partial<S3DepotOptions> = {}): Promise<Depot> {
  const { endpoint, bucket, region, credentials } = server;
  return openS3Depot({
    endpoint,
    bucket,
    region,
    credentials,
    prefix: `${server.prefix}/${++depots}`,
    pathStyle: true,
    patience: IMPATIENT,
    ...options,
  });
}
