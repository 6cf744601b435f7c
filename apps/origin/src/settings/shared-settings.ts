import { createHash, createHmac } from 'node:crypto';

import { configurationError, type FleetseedError } from '#lib/contracts';

import type { OriginConfig } from '../config/origin-config.schema.js';

/** Settings that replicas of one depot must have in common, by their keys, as texts to be compared and shown. */
export type SharedSettings = Readonly<Record<string, string>>;

/** What is different at two replicas would let one undo what the other promises. */
const SHOWN_AS_THEY_ARE = [
  'peerAccess',
  'trackerAccess',
  'copyBudget',
  'uploadExpirySeconds',
  'retentionKeepLast',
  'retentionKeepDays',
  'retentionChannelEntries',
  'collectionEverySeconds',
  'collectionGraceSeconds',
  'verificationEverySeconds',
  // An import is done by whichever replica takes its job.
  'importHosts',
  'importBuckets',
  'importMaxBytes',
  'importMaxFiles',
] as const satisfies readonly (keyof OriginConfig)[];

const NONE = 'not set';
/** Shown as no more than different: what they stand for is nobody's to read. */
const SECRET = new Set(['adminTokenFile', 'joinTokenFile', 'webhookUrl']);

export function sharedSettingsOf(config: OriginConfig): SharedSettings {
  const { redisUrl, redisPrefix, webhookUrl } = config;
  return {
    ...Object.fromEntries(SHOWN_AS_THEY_ARE.map((key) => [key, textOf(config[key])])),
    // One Redis may have many names; whether there is one is what replicas have to agree on.
    redisUrl: redisUrl === undefined ? NONE : 'set',
    ...(redisUrl === undefined ? {} : { redisPrefix }),
    webhookUrl:
      webhookUrl === undefined ? NONE : createHash('sha256').update(webhookUrl).digest('hex'),
  };
}

/** Lists in one order, whatever order they were given in. */
function textOf(value: string | number | readonly string[]): string {
  if (typeof value !== 'object') return String(value);
  return value.toSorted().join(', ') || NONE;
}

/**
 * The tokens of the files, which every replica must accept, as marks that tell no more than whether
 * they are the same.
 * @param depot the id of the depot
 */
export function tokenMarks(
  depot: string,
  tokens: { readonly admin: string; readonly join: string },
): SharedSettings {
  const markOf = (token: string) => createHmac('sha256', depot).update(token).digest('hex');
  return { adminTokenFile: markOf(tokens.admin), joinTokenFile: markOf(tokens.join) };
}

export interface SettingsConflict {
  readonly key: string;
  readonly ours: string;
  readonly theirs: string;
}

/** The first setting that is not the same; one that either does not know is no conflict. */
export function conflictOf(ours: SharedSettings, theirs: SharedSettings): SettingsConflict | null {
  for (const [key, value] of Object.entries(ours)) {
    const other = theirs[key];
    if (other !== undefined && other !== value) return { key, ours: value, theirs: other };
  }
  return null;
}

/** @param where the other replica runs, for people */
export function settingsConflictError(conflict: SettingsConflict, where: string): FleetseedError {
  const { key, ours, theirs } = conflict;
  const difference = SECRET.has(key)
    ? secretDifference(conflict)
    : `is ${ours} here and ${theirs} at`;
  const advice = 'Give both the same, or end the others before this one is started';
  return configurationError(
    key,
    `${difference} the replica that runs on the same depot (${where}). ${advice}`,
  );
}

function secretDifference({ ours, theirs }: SettingsConflict): string {
  if (ours === NONE) return 'is not set here, but at';
  if (theirs === NONE) return 'is set here, but not at';
  return 'is not the same as at';
}
