import type { Environment } from '../processes.js';
import type { S3Server } from './s3-server.js';

/** What an origin that keeps its depot in the store is told; credentials the way the SDK finds them. */
export function s3Environment(server: S3Server, prefix: string): Environment {
  return {
    FLEETSEED_S3_BUCKET: server.bucket,
    FLEETSEED_S3_ENDPOINT: server.endpoint,
    FLEETSEED_S3_REGION: server.region,
    FLEETSEED_S3_PREFIX: `${server.prefix}/${prefix}`,
    // The store may be anywhere when it is given from outside.
    FLEETSEED_S3_INSECURE_HTTP: 'on',
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
}
