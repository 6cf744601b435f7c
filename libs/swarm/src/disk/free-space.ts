import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { FleetseedError, systemErrorCode } from '#lib/contracts';

import { diskError } from './disk-errors.js';

/**
 * Bytes that this process may still write on the file system of `path`, which need not exist yet:
 * its nearest existing folder counts.
 */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await fileSystemOf(path);
  return bavail * bsize;
}

/** What is left free by default: 512 MiB, on a small file system a fiftieth of it. */
export async function usualReserve(path: string): Promise<number> {
  const { blocks, bsize } = await fileSystemOf(path);
  return Math.min(512 * 1024 * 1024, Math.floor((blocks * bsize) / 50));
}

async function fileSystemOf(path: string): Promise<StatsFs> {
  for (let at = path; ; at = dirname(at)) {
    try {
      return await statfs(at);
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
