import { randomBytes } from 'node:crypto';

import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';

import { hasVersitygw, startVersitygw } from './versitygw.js';

/** A store that speaks S3, and the way in. */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** What of the bucket is for this run alone. */
  readonly prefix: string;
  stop(): Promise<void>;
}

/**
 * The store that the tests run against: `FLEETSEED_TEST_S3_URL` (`http://KEY:SECRET@HOST:PORT/BUCKET`,
 * `?region=…`) if that is set, else versitygw, which is built where there is a Go toolchain.
 */
export async function startS3Server(): Promise<S3Server> {
  const given = process.env['FLEETSEED_TEST_S3_URL'];
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  if (given) {
    const place = { ...parse(given), prefix };
    return { ...place, stop: () => removeAll(place) };
  }
  if (!(await hasVersitygw())) {
    throw new Error('These tests need an S3 store: set FLEETSEED_TEST_S3_URL, or install Go.');
  }
  const bucket = 'depot';
  const credentials = {
    accessKeyId: 'fleetseed',
    secretAccessKey: randomBytes(16).toString('hex'),
  };
  const gateway = await startVersitygw(bucket, credentials);
  const { endpoint } = gateway;
  const stop = () => gateway.stop();
  return { endpoint, bucket, region: 'us-east-1', credentials, prefix, stop };
}

/** Leaves the bucket of somebody else as it was. */
async function removeAll(place: Omit<S3Server, 'stop'>): Promise<void> {
  const { bucket: Bucket, prefix, endpoint, region, credentials } = place;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  for (;;) {
    const list = new ListObjectsV2Command({ Bucket, Prefix: `${prefix}/` });
    const { Contents: found = [] } = await client.send(list);
    if (found.length === 0) break;
    const Objects = found.map(({ Key }) => ({ Key }));
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  }
  client.destroy();
}

function parse(text: string): Omit<S3Server, 'prefix' | 'stop'> {
  const url = new URL(text);
  return {
    endpoint: url.origin,
    bucket: url.pathname.slice(1),
    region: url.searchParams.get('region') ?? 'us-east-1',
    credentials: {
      accessKeyId: decodeURIComponent(url.username),
      secretAccessKey: decodeURIComponent(url.password),
    },
  };
}
