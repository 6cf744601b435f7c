import { z } from 'zod';

import {
  HostPort,
  ListenAddress,
  MAX_FILES,
  ORIGIN_ROLES,
  PeerAccess,
  RateSetting,
  RolesSetting,
} from '#lib/contracts';

const Switch = z
  .enum(['on', 'off', 'true', 'false', '1', '0'])
  .transform((text) => text === 'on' || text === 'true' || text === '1');

const WebUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .transform((text) => text.replace(/\/+$/, ''));

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** Between slashes what a segment of a depot's key may be, so that keys stay plain under any prefix. */
const S3Prefix = z
  .string()
  .regex(/^(?:[A-Za-z0-9_][A-Za-z0-9._-]*\/)*[A-Za-z0-9_][A-Za-z0-9._-]*\/?$/, {
    error: 'must be names of letters, digits, dots, dashes and underscores, with / between them',
  })
  .max(200, { error: 'must have at most 200 characters' })
  .transform((text) => text.replace(/\/$/, ''));

const S3Bucket = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
  error: 'must be a bucket name: 3 to 63 lower-case letters, digits, dots and dashes',
});

/** Comma separated. */
const list = (entry: z.ZodType<string, string>) =>
  z
    .string()
    .transform((text) => text.split(',').flatMap((each) => each.trim() || []))
    .pipe(z.array(entry));

const S3Endpoint = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .refine(
    (text) => {
      const url = URL.parse(text);
      return url?.pathname === '/' && url.search === '' && url.username === '';
    },
    { error: 'must be no more than http(s)://HOST:PORT: the bucket has a setting of its own' },
  )
  .transform((text) => new URL(text).origin);

/**
 * Everything the origin can be told, once. Each key is a flag (`peerListen` is `--peer-listen`) and
 * an environment variable (`FLEETSEED_PEER_LISTEN`); a flag beats the variable.
 */
export const OriginConfigSchema = z.object({
  data: z
    .string()
    .min(1)
    .default('fleetseed-data')
    .describe('Folder of the depot, the tokens made at first start, and everything else on disk.'),
  roles: z
    .string()
    .default(ORIGIN_ROLES.join(','))
    .pipe(RolesSetting)
    .describe(
      'What this replica does: api, tracker, seed, work; other replicas of the same depot do the rest.',
    ),
  listen: ListenAddress.default('127.0.0.1:7070').describe(
    'Where the API, the tracker and the dashboard are served.',
  ),
  peerListen: ListenAddress.optional().describe(
    'Where peers connect for seeding; by default a free port of the address of --listen.',
  ),
  advertise: HostPort.optional().describe(
    'Host and port under which peers reach the peer port, when it is not where it listens.',
  ),
  udpTracker: ListenAddress.optional().describe(
    'Where the UDP tracker listens; without it there is none. Replicas without the role tracker only write its port into torrents.',
  ),
  publicUrl: WebUrl.optional().describe(
    'URL under which clients reach this service; by default the host they ask for.',
  ),
  tlsCert: z.string().min(1).optional().describe('PEM file of the certificate chain.'),
  tlsKey: z.string().min(1).optional().describe('PEM file of the certificate’s private key.'),
  insecureHttp: Switch.default(false).describe(
    'Serve plain HTTP on addresses other than loopback: tokens travel readable.',
  ),
  adminTokenFile: z
    .string()
    .min(1)
    .optional()
    .describe('File that holds the admin token; by default DIR/admin-token, made at first start.'),
  joinTokenFile: z
    .string()
    .min(1)
    .optional()
    .describe('File that holds a join token; by default DIR/join-token, made at first start.'),
  peerAccess: PeerAccess.default('members').describe(
    'Which peers are served: proven members, also announced addresses, or anybody.',
  ),
  trackerAccess: z
    .enum(['closed', 'known', 'open'])
    .default('closed')
    .describe('Whom the tracker answers: callers with a key, anybody for known hashes, anybody.'),
  metricsAccess: z
    .enum(['token', 'open'])
    .default('token')
    .describe('Who may read /metrics: tokens with fleet:read, or anybody.'),
  copyBudget: z.coerce
    .number()
    .min(1)
    .max(100)
    .default(1.2)
    .describe('Copies of an artifact that the origin gives to one cohort of machines by itself.'),
  uploadLimit: RateSetting.default(null).describe(
    'What is seeded to peers at most, as 10MB/s, 80Mbit/s or bytes a second; "off" or 0 is no limit.',
  ),
  webSeedConcurrent: whole(0, 10_000)
    .default(32)
    .describe('Answers of the HTTP web seed under way at a time; 0 turns it off.'),
  webSeedBytesPerSecond: whole(0, 1_000_000_000_000)
    .default(0)
    .describe('Bytes a second that the HTTP web seed sends in all; 0 is no limit.'),
  trustedProxies: z
    .string()
    .optional()
    .describe('Addresses of proxies whose X-Forwarded-* headers are believed, comma separated.'),
  drainSeconds: whole(0, 4)
    .default(0)
    .describe(
      'Seconds for which the process serves on after SIGTERM while /readyz says no, so that a load balancer can notice.',
    ),
  uploadExpirySeconds: whole(60, 30 * 86_400)
    .default(86_400)
    .describe('Seconds after which an upload that was not completed is removed.'),
  importHosts: list(z.string())
    .default([])
    .describe(
      'Internal hosts that releases may be imported from, comma separated: names, *.domain, addresses or networks. Hosts with a public address need no entry.',
    ),
  importBuckets: list(S3Bucket)
    .default([])
    .describe(
      'Buckets that releases may be imported from with the credentials of this process, comma separated; none by default.',
    ),
  importMaxBytes: whole(1, 100_000_000_000_000)
    .default(100_000_000_000)
    .describe('Bytes that an imported file or tree has at most.'),
  importMaxFiles: whole(1, MAX_FILES)
    .default(100_000)
    .describe('Files that an imported tree has at most.'),
  s3Bucket: S3Bucket.optional().describe(
    'Bucket that the depot is kept in; without it the depot is the folder DIR/depot.',
  ),
  s3Endpoint: S3Endpoint.optional().describe(
    'URL of a store other than Amazon S3, such as https://s3.example:9000.',
  ),
  s3Region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'must be the name of a region' })
    .optional()
    .describe('Region of the bucket; by default AWS_REGION, with --s3-endpoint us-east-1.'),
  s3Prefix: S3Prefix.optional().describe(
    'What the names of all objects begin with, to share the bucket with others; nothing by default.',
  ),
  s3PathStyle: Switch.optional().describe(
    'Whether the bucket is named in the path and not in the host; by default on with --s3-endpoint.',
  ),
  s3CaFile: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file of the authority that signed the certificate of --s3-endpoint.'),
  s3InsecureHttp: Switch.default(false).describe(
    'Speak plain HTTP to an S3 endpoint that is not on loopback: all that the depot holds, its secrets too, travels readable.',
  ),
  s3Checksums: Switch.default(true).describe(
    'Whether bodies carry CRC-32 trailers that the store compares; a few stores do not know them.',
  ),
  s3TimeoutSeconds: whole(1, 600)
    .default(20)
    .describe('Seconds after which a request to S3 that shows no progress is tried again.'),
  s3Connections: whole(4, 10_000)
    .default(128)
    .describe(
      'Connections to S3 that carry content at a time; documents have as many of their own.',
    ),
  cacheBytes: whole(0, 1_000_000_000_000_000)
    .default(10_000_000_000)
    .describe(
      'Bytes of content from S3 that are kept in the folder DIR/cache to be seeded; 0 keeps none.',
    ),
  retentionKeepLast: whole(0, 1_000_000)
    .default(0)
    .describe('Newest releases of an app that are kept; 0 keeps all.'),
  retentionKeepDays: whole(0, 36_500)
    .default(30)
    .describe('Days for which a release is kept in any case.'),
  retentionChannelEntries: whole(2, 1000)
    .default(10)
    .describe('Newest entries of a channel whose releases are kept, to go back to.'),
  collectionEverySeconds: whole(0, 30 * 86_400)
    .default(86_400)
    .describe(
      'Seconds between collections of what no release needs; 0 leaves them to be asked for.',
    ),
  collectionGraceSeconds: whole(60, 365 * 86_400)
    .default(172_800)
    .describe(
      'Seconds for which nothing must have needed what is removed; longer than uploads live.',
    ),
  verificationEverySeconds: whole(0, 365 * 86_400)
    .default(30 * 86_400)
    .describe('Seconds between verifications of all content; 0 leaves them to be asked for.'),
  verificationBytesPerSecond: whole(65_536, 1_000_000_000_000)
    .default(20_000_000)
    .describe('Bytes a second that a verification reads at most.'),
  webhookUrl: WebUrl.optional().describe(
    'URL that is told of published releases and moved channels, by signed POST requests.',
  ),
  webhookSecretFile: z
    .string()
    .min(1)
    .optional()
    .describe('File that holds the secret those requests are signed with, at least 16 bytes.'),
  redisUrl: z
    .url({
      protocol: /^(?:redis|rediss|unix)$/,
      error: 'must be redis://host:port/db, rediss://… or unix:///path',
    })
    .optional()
    .describe(
      'Redis that carries the job queue and the peer lists of several replicas, as redis://:PASSWORD@HOST:PORT/DB; without it both are inside this process.',
    ),
  redisPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 letters, digits and _ . : -')
    .default('fleetseed')
    .describe('What the keys in Redis begin with; the id of the depot follows.'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The least important log entries that are written to stderr.'),
});

export type OriginConfig = z.output<typeof OriginConfigSchema>;

/** Keys whose flag may stand alone (`--insecure-http`). */
export const SWITCH_KEYS = [
  'insecureHttp',
  's3InsecureHttp',
] as const satisfies readonly (keyof OriginConfig)[];

/** Keys of earlier versions, and what to say instead. */
export const GONE_KEYS = {
  seeding: 'say what this replica does with --roles (FLEETSEED_ROLES), with seed or without',
} as const;
