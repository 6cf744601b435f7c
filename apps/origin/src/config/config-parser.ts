import {
  checkConfiguration,
  configurationError,
  describeConfiguration,
  flagOf,
  FleetseedError,
  ORIGIN_ROLES,
  parseConfiguration,
  variableOf,
  type Environment,
} from '#lib/contracts';

import {
  GONE_KEYS,
  OriginConfigSchema,
  SWITCH_KEYS,
  type OriginConfig,
} from './origin-config.schema.js';

/** @throws USAGE, CONFIG_INVALID that names the key; INSECURE_HTTP_REFUSED */
export function parseConfig(argv: readonly string[], environment: Environment): OriginConfig {
  const rules = {
    program: 'fleetseed origin',
    schema: OriginConfigSchema,
    switches: SWITCH_KEYS,
    gone: GONE_KEYS,
  };
  return consistent(parseConfiguration(rules, argv, environment));
}

/** The same from values by key, for programs that start an origin in their own process. */
export function checkConfig(given: Readonly<Record<string, unknown>>): OriginConfig {
  return consistent(checkConfiguration(OriginConfigSchema, given));
}

/** What `--help` prints. */
export function configHelp(): string {
  const keys = describeConfiguration(OriginConfigSchema, SWITCH_KEYS);
  return `Usage: fleetseed origin [options]\n\n${keys}\n`;
}

function consistent(config: OriginConfig): OriginConfig {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const lacking = config.tlsCert === undefined ? 'tlsCert' : 'tlsKey';
    throw configurationError(lacking, 'is needed, as a certificate and its key go together');
  }
  if (config.tlsCert === undefined && !config.insecureHttp && !isLoopback(config.listen)) {
    throw new FleetseedError(
      'INSECURE_HTTP_REFUSED',
      `Plain HTTP on ${config.listen} would show tokens to the network: give --tls-cert and --tls-key, or --insecure-http.`,
      { listen: config.listen },
    );
  }
  if ((config.webhookUrl === undefined) !== (config.webhookSecretFile === undefined)) {
    const lacking = config.webhookUrl === undefined ? 'webhookUrl' : 'webhookSecretFile';
    throw configurationError(lacking, 'is needed, as a webhook and its secret go together');
  }
  if (config.collectionGraceSeconds <= config.uploadExpirySeconds) {
    const reason = `must be more than the ${config.uploadExpirySeconds} seconds that an upload may live`;
    throw configurationError('collectionGraceSeconds', reason);
  }
  return consistentRoles(consistentS3(config));
}

function consistentS3(config: OriginConfig): OriginConfig {
  const { s3Bucket, s3Endpoint, s3Region, s3Prefix, s3PathStyle, s3CaFile } = config;
  const given = { s3Endpoint, s3Region, s3Prefix, s3PathStyle, s3CaFile };
  const [key] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (s3Bucket === undefined && config.importBuckets.length === 0 && key !== undefined) {
    throw configurationError('s3Bucket', `is needed, as --${flagOf(key)} is given`);
  }
  const url = s3Endpoint === undefined ? null : new URL(s3Endpoint);
  if (url?.protocol === 'http:' && !config.s3InsecureHttp && !isLoopback(url.host)) {
    const reason = 'would show the depot to the network: use https, or give --s3-insecure-http';
    throw configurationError('s3Endpoint', `plain HTTP to ${url.host} ${reason}`);
  }
  return config;
}

/**
 * A replica that does a part needs others for the rest: they meet in a bucket and in Redis. Without
 * both there is one process, and only seeding may be left out: a tracker of other seeds.
 */
function consistentRoles(config: OriginConfig): OriginConfig {
  const { roles, s3Bucket, redisUrl } = config;
  if (roles.length === 0) throw configurationError('roles', 'names no role');
  const lacking = ORIGIN_ROLES.find((role) => role !== 'seed' && !roles.includes(role));
  const alone = s3Bucket === undefined ? 's3Bucket' : redisUrl === undefined ? 'redisUrl' : null;
  if (lacking !== undefined && alone !== null) {
    const reason = `without ${variableOf(alone)} nobody else does what the role ${lacking} is for`;
    throw configurationError('roles', reason);
  }
  return config;
}

function isLoopback(address: string): boolean {
  return /^(?:127(?:\.\d+){3}|\[::1\]|localhost)(?::|$)/.test(address);
}
