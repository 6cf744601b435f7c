import { isCallersFault, toFleetseedError, type FleetseedError } from '#lib/contracts';
import type { TrackerFailure } from '#lib/wire';

/** Minutes after which a client may ask again for what is unknown or broken now. */
export const RETRY_MINUTES = 1;

/**
 * What a refused client is told. `never` is said only where no waiting helps: a torrent that is
 * unknown now may be published the next moment.
 */
export function failureOf(thrown: unknown): TrackerFailure {
  const error = toFleetseedError(thrown);
  if (!isCallersFault(error)) {
    return { type: 'failure', reason: 'The tracker failed; try again.', retryIn: RETRY_MINUTES };
  }
  return {
    type: 'failure',
    reason: `${error.message} (${error.code})`,
    retryIn: isFinal(error) ? 'never' : RETRY_MINUTES,
  };
}

function isFinal({ code, status }: FleetseedError): boolean {
  return code === 'REQUEST_INVALID' || status === 401 || status === 403;
}
