import { FleetseedError, systemErrorCode } from '#lib/contracts';

import { notFound } from '../depot-checks.js';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const NOT_A_TREE = new Set(['ENOTDIR', 'EISDIR', 'EEXIST']);

export function isSystemError(thrown: unknown, ...codes: string[]): boolean {
  return codes.includes(systemErrorCode(thrown) ?? '');
}

/** What a failed file operation means to the caller of a depot; other errors pass unchanged. */
export function translated(thrown: unknown, key: string): unknown {
  if (thrown instanceof FleetseedError) return thrown;
  const code = systemErrorCode(thrown);
  if (code === undefined) return thrown;
  if (FULL.has(code)) return depotFull(key, { cause: thrown });
  if (code === 'ENOENT') return notFound(key, thrown);
  if (NOT_A_TREE.has(code)) {
    return new FleetseedError(
      'DEPOT_KEY_INVALID',
      'Depot key is a folder of another key, or below one.',
      { key },
      { cause: thrown },
    );
  }
  return new FleetseedError(
    'DISK_IO',
    'The depot folder failed.',
    { key, code },
    { cause: thrown },
  );
}

export function depotFull(
  key: string,
  about: { free?: number; reserve?: number; wanted?: number; cause?: unknown } = {},
): FleetseedError {
  const { cause, ...facts } = about;
  return new FleetseedError(
    'DEPOT_FULL',
    'The depot has no room left.',
    { key, ...facts },
    { cause },
  );
}

/** Runs a file operation and translates its error. Never wrap a caller's iterator in it. */
export async function io<T>(key: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw translated(error, key);
  }
}
