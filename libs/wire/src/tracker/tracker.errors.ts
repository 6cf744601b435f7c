import { FleetseedError, type ErrorFacts } from '#lib/contracts';

/** An answer that no correct tracker gives. */
export function answerInvalid(
  what: string,
  facts: ErrorFacts = {},
  cause?: unknown,
): FleetseedError {
  return new FleetseedError(
    'TRACKER_ANSWER_INVALID',
    `The tracker's answer cannot be read: ${what}.`,
    facts,
    cause === undefined ? undefined : { cause },
  );
}

/** A request that cannot be read; the message names the parameter. */
export function requestInvalid(what: string, facts: ErrorFacts = {}): FleetseedError {
  return new FleetseedError('REQUEST_INVALID', what, facts);
}
