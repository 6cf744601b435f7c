import { S3ServiceException } from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import { notFound } from '../depot-checks.js';

/**
 * What a failed request means:
 * - `passing`: another try may help; whether this one has taken effect is not known;
 * - `unmet`: a condition of a write did not hold;
 * - `absent`: there is no such key; `ended`: no such upload in parts; `range`: no such bytes;
 * - `full`, `denied`, `bucket`: the store has no room, does not let us, has no such bucket;
 * - `other`: a fault that no retry mends.
 */
export type S3Failure =
  | 'passing'
  | 'unmet'
  | 'absent'
  | 'ended'
  | 'range'
  | 'full'
  | 'denied'
  | 'bucket'
  | 'other';

/** By the code of the error; whatever is not listed goes by its HTTP status. */
const BY_CODE: Readonly<Record<string, S3Failure>> = {
  SlowDown: 'passing',
  InternalError: 'passing',
  ServiceUnavailable: 'passing',
  RequestTimeout: 'passing',
  Throttling: 'passing',
  ThrottlingException: 'passing',
  // Two writes met and this one was put off; it says nothing about the condition.
  ConditionalRequestConflict: 'passing',
  OperationAborted: 'passing',
  // The bytes were damaged or cut short on their way.
  BadDigest: 'passing',
  IncompleteBody: 'passing',
  XAmzContentChecksumMismatch: 'passing',
  XAmzContentSHA256Mismatch: 'passing',
  PreconditionFailed: 'unmet',
  NoSuchKey: 'absent',
  NoSuchUpload: 'ended',
  InvalidRange: 'range',
  QuotaExceeded: 'full',
  NoSpaceLeftOnDevice: 'full',
  XMinioStorageFull: 'full',
  StorageFull: 'full',
  NoSuchBucket: 'bucket',
};

const BY_STATUS: Readonly<Record<number, S3Failure>> = {
  401: 'denied',
  403: 'denied',
  404: 'absent',
  408: 'passing',
  412: 'unmet',
  416: 'range',
  429: 'passing',
  507: 'full',
};

/** Faults of ours or of the machine's set-up, which come without an answer and stay. */
const LASTING = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'TypeError',
  'RangeError',
]);

export function failureOf(thrown: unknown): S3Failure {
  if (thrown instanceof FleetseedError) return 'other';
  if (!(thrown instanceof S3ServiceException)) {
    // No answer, or half of one: the connection failed, or time ran out.
    return thrown instanceof Error && !LASTING.has(thrown.name) ? 'passing' : 'other';
  }
  const byCode = BY_CODE[thrown.name];
  if (byCode) return byCode;
  const status = thrown.$metadata.httpStatusCode ?? 0;
  return BY_STATUS[status] ?? (status >= 500 ? 'passing' : 'other');
}

/** The store's own name for the error, for logs and messages. */
export function s3CodeOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : String(thrown);
}

/** What a failed request means to the caller of a depot; errors of ours pass unchanged. */
export function s3Error(thrown: unknown, key: string): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const facts = { key, reason: s3CodeOf(thrown) };
  const options = { cause: thrown };
  switch (failureOf(thrown)) {
    case 'absent':
      return notFound(key, thrown);
    case 'full':
      return new FleetseedError('DEPOT_FULL', 'The depot has no room left.', facts, options);
    case 'denied':
    case 'bucket': {
      const text = 'The S3 store does not let the depot do this.';
      return new FleetseedError('DEPOT_DENIED', text, facts, options);
    }
    case 'passing':
      return isLate(thrown)
        ? new FleetseedError('TIMED_OUT', 'The S3 store took too long.', facts, options)
        : unavailable(key, thrown);
    case 'unmet':
    case 'ended':
    case 'range':
    case 'other':
      return new FleetseedError('INTERNAL', 'The S3 store refused a request.', facts, options);
  }
}

export function unavailable(key: string, cause: unknown): FleetseedError {
  const text = 'The S3 store does not answer as it should.';
  return new FleetseedError('DEPOT_UNAVAILABLE', text, { key, reason: s3CodeOf(cause) }, { cause });
}

/** Somebody else came between, so what became of a write whose answer was lost cannot be found out. */
export function unknownOutcome(key: string, cause: unknown): FleetseedError {
  const text = 'It is not known whether the document was written.';
  return new FleetseedError('TIMED_OUT', text, { key }, { cause });
}

function isLate(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'TimeoutError';
}
