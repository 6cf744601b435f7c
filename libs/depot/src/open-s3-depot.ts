import type { Depot } from './depot.js';
import type { S3DepotOptions } from './s3/s3-options.js';

/**
 * Opens a depot in a bucket; see `S3Depot.open`. The SDK is loaded only now: it takes a third of a
 * second and tens of megabytes, which a depot in a folder has no use for.
 */
export async function openS3Depot(options: S3DepotOptions): Promise<Depot> {
  const { S3Depot } = await import('./s3/s3-depot.js');
  return S3Depot.open(options);
}
