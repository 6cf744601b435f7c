import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';

/**
 * Writes a `.torrent`, whole or not at all.
 * @param mode 0o600 for one that holds a key
 * @throws FleetseedError NO_SPACE, DISK_IO, NOT_FOUND for a folder that is not there
 */
export async function writeTorrent(path: string, bytes: Buffer, mode = 0o644): Promise<void> {
  try {
    await writeFileDurably(path, bytes, mode);
  } catch (error) {
    const code = systemErrorCode(error);
    const cause = { cause: error };
    if (code === 'ENOENT') {
      throw new FleetseedError(
        'NOT_FOUND',
        `The folder of ${path} does not exist.`,
        { path },
        cause,
      );
    }
    const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'NO_SPACE' : 'DISK_IO';
    throw new FleetseedError(
      kind,
      `${path} cannot be written (${code ?? String(error)}).`,
      { path },
      cause,
    );
  }
}
