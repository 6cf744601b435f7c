import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { FleetseedError, systemErrorCode } from '#lib/contracts';

import { diskError } from './disk-errors.js';

/**
 * Bytes that this process may still write on the file system of `path`, which need not exist yet:
 * its nearest existing folder counts.
 */
export async function freeBytes(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const stat = await statfs(at);
      return stat.bavail * stat.bsize;
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || dirname(at) === at) throw diskError(error, at);
    }
  }
}

/**
 * @param bytes that are going to be written
 * @param reserve bytes that must be left over
 * @throws FleetseedError NO_SPACE with the numbers
 */
export async function requireSpace(path: string, bytes: number, reserve: number): Promise<void> {
  const free = await freeBytes(path);
  if (free >= bytes + reserve) return;
  const text = `${path} has ${free} bytes free; ${bytes} are needed and ${reserve} must be left.`;
  throw new FleetseedError('NO_SPACE', text, { path, free, needed: bytes, reserve });
}
