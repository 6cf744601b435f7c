import { readFileSync } from 'node:fs';

/** Descriptors that are nobody's share: standard streams, event loops of threads, sockets that listen, short use. */
const RESERVE = 80;
/** Assumed where the system does not tell. */
const USUAL_LIMIT = 1024;

let known: number | null = null;

/**
 * How many descriptors this process may have open (RLIMIT_NOFILE). Node raises the soft limit to the hard
 * one when it starts, and it is read once.
 */
export function openFilesLimit(): number {
  known ??= parseOpenFilesLimit(limitsText());
  return known;
}

/** The soft limit in the text of /proc/self/limits; without one, or without the text, the usual limit. */
export function parseOpenFilesLimit(text: string): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? USUAL_LIMIT : Number(soft);
}

/**
 * What one use of descriptors may have of them: a share of what is left beside a reserve, so that the shares
 * of a process, together at most 1, never meet the limit.
 * @param most more is not needed
 */
export function openFilesShare(share: number, most: number, limit = openFilesLimit()): number {
  const spare = Math.max(0, limit - RESERVE);
  return Math.max(8, Math.min(most, Math.floor(spare * share)));
}

function limitsText(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}
