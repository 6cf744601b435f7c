import { ERROR_CODES, type ErrorCode } from './error-codes.js';

/** Facts that explain an error: plain values only, so that they survive JSON. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | null>>;

/**
 * The one base of all errors that code of ours throws on purpose.
 *
 * `message` is written for people and names what is wrong; `code` is for programs. Whether the
 * message may leave the process is decided by {@link isCallersFault}: faults of our own go to the
 * log with their cause, and the caller gets a generic text.
 */
export class FleetseedError extends Error {
  override readonly name = 'FleetseedError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly facts: ErrorFacts = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  get exit(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/**
 * True when the text of the error is meant for the caller. Besides every status below 500 these are
 * the conditions a caller has to act on: wait (503), free space (507), try again later (504).
 */
export function isCallersFault(error: FleetseedError): boolean {
  return error.status !== 500;
}

/** A code that came over the network; one that this version does not know counts as internal. */
export function knownCode(code: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'INTERNAL';
}

/** Any thrown value as a FleetseedError; what is not ours becomes `INTERNAL` with its cause kept. */
export function toFleetseedError(thrown: unknown): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new FleetseedError('ABORTED', 'The operation was aborted.', {}, { cause: thrown });
  }
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new FleetseedError('TIMED_OUT', 'The operation took too long.', {}, { cause: thrown });
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new FleetseedError('INTERNAL', text, {}, { cause: thrown });
}

/** The `code` of a Node system error (`ENOSPC`, `ENOENT`), or undefined. */
export function systemErrorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
