import { FleetseedError } from '#lib/contracts';

export function unavailable(reason: string, cause?: unknown): FleetseedError {
  const text = `The source cannot be fetched: ${reason}.`;
  return new FleetseedError('SOURCE_UNAVAILABLE', text, {}, { cause });
}

/** What the network did to a source, as an error that another try may mend; errors of ours pass. */
export function passing(error: unknown): FleetseedError {
  if (error instanceof FleetseedError) return error;
  const isOurs = error instanceof Error && error.name === 'HttpTimeoutError';
  if (isNoHost(error)) {
    return new FleetseedError('SOURCE_NOT_FOUND', 'There is no such host.', {}, { cause: error });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return unavailable(isOurs ? error.message : code || 'the connection broke', error);
}

function isNoHost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOTFOUND';
}
