import { FleetseedError, systemErrorCode } from '#lib/contracts';

/** A folder that was named in the configuration and cannot be used. */
export function diskAccessError(folder: string, cause: unknown): FleetseedError {
  const why = systemErrorCode(cause) ?? 'it failed';
  const text = `The folder ${folder} cannot be used (${why}).`;
  return new FleetseedError('CONFIG_INVALID', text, { folder }, { cause });
}
