import { FleetseedError } from '#lib/contracts';

import { s3CodeOf } from './s3-errors.js';
import type { S3Setting } from './s3-options.js';

/** S3 itself refuses requests that are signed by a clock further off than this. */
export const TOLERATED_SKEW_MS = 15 * 60_000;

/** `DEPOT_UNUSABLE` with the setting in its facts; the message is the rest of a sentence about it. */
export function unusable(setting: S3Setting, message: string, cause?: unknown): FleetseedError {
  const facts = { setting, reason: cause === undefined ? '' : s3CodeOf(cause) };
  return new FleetseedError('DEPOT_UNUSABLE', message, facts, { cause });
}

const SETTING_BY_CODE: Readonly<Record<string, readonly [S3Setting, string]>> = {
  NoSuchBucket: ['bucket', 'the store has no bucket of this name'],
  InvalidBucketName: ['bucket', 'the store takes no bucket of this name'],
  PermanentRedirect: ['region', 'the bucket is in another region'],
  AuthorizationHeaderMalformed: ['region', 'the store is of another region'],
  IllegalLocationConstraintException: ['region', 'the bucket is in another region'],
  InvalidAccessKeyId: ['credentials', 'the store does not know the access key'],
  // versitygw's way to say it.
  XAdminUserNotFound: ['credentials', 'the store does not know the access key'],
  SignatureDoesNotMatch: ['credentials', 'the secret key is not that of the access key'],
  InvalidToken: ['credentials', 'the session token is not valid'],
  ExpiredToken: ['credentials', 'the session token has expired'],
  TokenRefreshRequired: ['credentials', 'the session token has expired'],
  CredentialsProviderError: ['credentials', 'there are no credentials'],
  RequestTimeTooSkewed: ['clock', 'the clock of this machine is wrong'],
  AccessDenied: ['permissions', 'the credentials do not allow it'],
};

/** What a failure of the first requests says of the set-up. */
export function setUpError(thrown: unknown, skewMs: number | null): unknown {
  const cause = causeOf(thrown);
  if (skewMs !== null && Math.abs(skewMs) > TOLERATED_SKEW_MS) return clockError(skewMs, cause);
  const code = s3CodeOf(cause);
  const [setting, text] = SETTING_BY_CODE[code] ?? [];
  if (setting !== undefined) return unusable(setting, text!, cause);
  if (/region is missing/i.test(textOf(cause))) {
    return unusable('region', 'no region is set, nor found in the environment', cause);
  }
  const answer = (cause as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (answer === 403) return unusable('permissions', `the store answers ${code} (403)`, cause);
  const isUnreachable = thrown instanceof FleetseedError && PASSING.has(thrown.code);
  if (isUnreachable || answer !== undefined) {
    return unusable('endpoint', `the store does not answer as S3 does (${textOf(cause)})`, cause);
  }
  return thrown;
}

export function clockError(skewMs: number, cause?: unknown): FleetseedError {
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const where = skewMs > 0 ? 'behind' : 'ahead of';
  const text = `the clock of this machine is ${minutes} minutes ${where} that of the store: set it right`;
  return unusable('clock', text, cause);
}

const PASSING = new Set(['DEPOT_UNAVAILABLE', 'TIMED_OUT']);

function causeOf(thrown: unknown): unknown {
  return thrown instanceof FleetseedError ? (thrown.cause ?? thrown) : thrown;
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Several addresses of one name fail together, each in its own way.
  if (thrown instanceof AggregateError) return thrown.errors.map(textOf).join(', ');
  return thrown.message || thrown.name;
}
