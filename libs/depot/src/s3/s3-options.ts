import type { Clock, Logger } from '#lib/runtime';

import type { DepotSettings } from '../depot-identity.js';

/** How long and how often one request is tried, in milliseconds. */
export interface S3Patience {
  /** Until the answer to one request begins; a body that stands still for so long has ended, too. */
  readonly timeoutMs: number;
  /** No further try is made when so much time has passed since the first. */
  readonly totalMs: number;
  readonly backoffStartMs: number;
  readonly backoffLimitMs: number;
}

/** A request to the store as it went; each try is one. */
export interface S3Request {
  /** The operation of the S3 API, as in `GetObject`. */
  readonly operation: string;
  /** HTTP status of the answer; null when there was none: the connection failed, or nobody waited any more. */
  readonly status: number | null;
  /** Until the answer began, milliseconds; a body that was sent is counted in. */
  readonly ms: number;
}

export interface S3DepotOptions {
  readonly bucket: string;
  /** What all keys begin with, without a slash at either end; '' for the whole bucket. */
  readonly prefix?: string;
  /** `https://HOST[:PORT]` of another store than Amazon's. */
  readonly endpoint?: string;
  /** By default what the SDK finds (`AWS_REGION`, the profile); `us-east-1` where there is an endpoint. */
  readonly region?: string;
  /** `HOST/BUCKET/KEY` instead of `BUCKET.HOST/KEY`. */
  readonly pathStyle?: boolean;
  /** PEM of the authorities that the endpoint's certificate is checked by, besides the usual ones. */
  readonly ca?: string;
  /** Whether what is sent carries checksums that the store compares; on by default. */
  readonly checksums?: boolean;
  /** By default the SDK's own chain: environment, profile, web identity, container, instance. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly patience?: Partial<S3Patience>;
  /** Connections for documents, for bodies, and for second tries: so many of each, 128 by default. */
  readonly connections?: number;
  /** Objects above this are copied in parts, bytes; the store's own limit is 5 GiB. */
  readonly copyLimit?: number;
  /** Objects in parts that were begun so long ago are dropped at open; 14 days by default. */
  readonly abandonedPartsMs?: number;
  /** Bytes of memory for what was read last. */
  readonly readCacheBytes?: number;
  /** Told of every request that was answered, or will not be. */
  readonly onRequest?: (request: S3Request) => void;
  /** Told of what fails behind the scenes, such as dropping what was abandoned. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** What all replicas must share, written into `depot.json` when the depot is new. */
  readonly settings?: DepotSettings;
}

/** What of the set-up keeps a depot from being opened: the fact `setting` of `DEPOT_UNUSABLE`. */
export type S3Setting = 'bucket' | 'region' | 'endpoint' | 'credentials' | 'clock' | 'permissions';

export const USUAL_PATIENCE: S3Patience = {
  timeoutMs: 20_000,
  totalMs: 40_000,
  backoffStartMs: 100,
  backoffLimitMs: 5000,
};
