import { FleetseedError, systemErrorCode, type ErrorCode } from '#lib/contracts';

/** What a system error means here; what is not listed is the device's fault: DISK_IO. */
const MEANINGS: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EMFILE: 'TOO_MANY_OPEN_FILES',
  ENFILE: 'TOO_MANY_OPEN_FILES',
  ENOENT: 'PIECE_UNAVAILABLE',
  ELOOP: 'UNPACK_REFUSED',
  ENOTDIR: 'UNPACK_REFUSED',
  EISDIR: 'UNPACK_REFUSED',
};

const TEXTS: Partial<Record<ErrorCode, string>> = {
  NO_SPACE: 'There is no space left for',
  TOO_MANY_OPEN_FILES: 'There is no descriptor left to open',
  PIECE_UNAVAILABLE: 'There is no file',
  UNPACK_REFUSED: 'Something other than a regular file or folder is in the way at',
};

/** A failure at a path as one of ours; errors that are ours already stay as they are. */
export function diskError(thrown: unknown, path: string): FleetseedError {
  if (thrown instanceof FleetseedError) return thrown;
  const system = systemErrorCode(thrown) ?? 'unknown';
  const code = MEANINGS[system] ?? 'DISK_IO';
  const text = `${TEXTS[code] ?? 'The disk failed at'} ${path} (${system}).`;
  return new FleetseedError(code, text, { path, system }, { cause: thrown });
}
