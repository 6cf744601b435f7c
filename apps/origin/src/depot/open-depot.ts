import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { configurationError, FleetseedError } from '#lib/contracts';
import { FsDepot, openS3Depot, type Depot, type S3DepotOptions, type S3Setting } from '#lib/depot';
import { openFilesShare, type Clock, type Logger } from '#lib/runtime';

import { FileTokens, type MakeToken } from '../auth/file-tokens.js';
import { makeToken } from '../auth/token-codec.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { SettingsGuard } from '../settings/settings-guard.js';
import { sharedSettingsOf, tokenMarks } from '../settings/shared-settings.js';
import { MasterSecret } from './master-secret.js';
import type { S3Requests } from './s3-requests.js';

/** Descriptors that each of the three kinds of connections to S3 may have. */
const CONNECTIONS_SHARE = 0.07;

const TOKEN_LABEL = 'fleetseed-file-token-1';

/** The key of the configuration that is named for what is wrong with a bucket. */
const KEYS: Readonly<Record<S3Setting, keyof OriginConfig>> = {
  bucket: 's3Bucket',
  region: 's3Region',
  endpoint: 's3Endpoint',
  credentials: 's3Bucket',
  permissions: 's3Bucket',
  clock: 's3Endpoint',
};

/** A depot, and the guard that replicas which share it agree on; nobody shares a folder. */
export interface OpenedDepot {
  readonly depot: Depot;
  readonly guard: SettingsGuard | null;
  /** The tokens that a first start makes: in a depot that is shared the same at every replica. */
  readonly makeToken: MakeToken;
}

/**
 * The depot that is configured: a bucket, or the folder `DIR/depot`.
 * @param given one that is shared within the process, instead
 * @param requests told of every request to the bucket
 * @throws CONFIG_INVALID, also for settings that a running replica has otherwise; DEPOT_…
 */
export async function openDepot(
  config: OriginConfig,
  clock: Clock,
  logger: Logger,
  given: Depot | null,
  requests: S3Requests,
): Promise<OpenedDepot> {
  const { s3Bucket: bucket } = config;
  if (given === null && bucket === undefined) {
    const depot = await FsDepot.open({ root: join(config.data, 'depot'), clock });
    return { depot, guard: null, makeToken: (kind) => makeToken(kind).text };
  }
  const depot = given ?? (await openBucket(config, bucket!, requests, clock, logger));
  try {
    const make = tokensFrom(await MasterSecret.open(depot));
    const tokens = tokenMarks(depot.identity.id, await FileTokens.look(config, make));
    const settings = { ...sharedSettingsOf(config), ...tokens };
    const guard = await SettingsGuard.open({ depot, clock, logger }, settings);
    return { depot, guard, makeToken: make };
  } catch (error) {
    await depot.close();
    throw error;
  }
}

function tokensFrom(master: MasterSecret): MakeToken {
  return (kind) => makeToken(kind, (part) => master.derive(TOKEN_LABEL, kind, '/', part)).text;
}

async function openBucket(
  config: OriginConfig,
  bucket: string,
  requests: S3Requests,
  clock: Clock,
  logger: Logger,
): Promise<Depot> {
  try {
    const prefix = config.s3Prefix === undefined ? {} : { prefix: config.s3Prefix };
    const onRequest = requests.note;
    const options = { ...(await s3Options(config, bucket)), ...prefix, onRequest };
    return await openS3Depot({ ...options, clock, logger });
  } catch (error) {
    throw named(error, config);
  }
}

/** How a bucket is reached, of the depot or of somebody else. */
export async function s3Options(config: OriginConfig, bucket: string): Promise<S3DepotOptions> {
  const { s3Endpoint: endpoint, s3Region: region, s3CaFile: caFile } = config;
  const timeoutMs = config.s3TimeoutSeconds * 1000;
  return {
    bucket,
    pathStyle: config.s3PathStyle ?? endpoint !== undefined,
    checksums: config.s3Checksums,
    connections: openFilesShare(CONNECTIONS_SHARE, config.s3Connections),
    patience: { timeoutMs, totalMs: 2 * timeoutMs },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(caFile === undefined ? {} : { ca: await authorityIn(caFile) }),
  };
}

async function authorityIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw configurationError('s3CaFile', `${file} cannot be read`, cause);
  }
}

/** What is wrong with the bucket, said of the setting that has to be changed. */
function named(thrown: unknown, { s3Bucket, s3Endpoint }: OriginConfig): unknown {
  if (!(thrown instanceof FleetseedError) || thrown.code !== 'DEPOT_UNUSABLE') return thrown;
  const { setting, reason } = thrown.facts;
  const key = KEYS[setting as S3Setting];
  const where = `${s3Bucket} at ${s3Endpoint ?? 'Amazon S3'}`;
  const hint = HINTS[setting as S3Setting] ?? '';
  const said = reason === '' ? '' : ` (${String(reason)})`;
  return configurationError(key, `${where}: ${thrown.message}${hint}${said}`, thrown);
}

const HINTS: Readonly<Partial<Record<S3Setting, string>>> = {
  credentials:
    '; they come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or whatever else the AWS SDK finds',
  permissions: '; docs/OPERATIONS.md lists what the depot needs',
};
