/** What part of a representation a GET asks for (RFC 9110 §14). */
export type RequestedRange =
  /** No range, one that is not understood, or several: the whole representation is the answer. */
  | { readonly kind: 'whole' }
  /** `length` bytes from `offset`, at least one. */
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RequestedRange = { kind: 'whole' };
const UNSATISFIABLE: RequestedRange = { kind: 'unsatisfiable' };

/** `bytes=` (units are case-insensitive) and one int-range or suffix-range. */
const ONE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Reads a Range header against a representation of `size` bytes.
 *
 * A server may ignore a Range header (§14.2), and must ignore one with a unit that it does not know
 * (§14.2) or that is not valid (§14.1.1: last-pos less than first-pos). Several ranges at once are
 * ignored too: no BitTorrent client asks for them, and they are known for abuse (§17.15).
 */
export function parseRange(header: string | undefined, size: number): RequestedRange {
  const match = header === undefined ? null : ONE_RANGE.exec(header);
  if (!match) return WHOLE;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? WHOLE : suffixOf(Number(last), size);
  const offset = Number(first);
  const end = last === '' ? Infinity : Number(last);
  if (end < offset) return WHOLE;
  if (offset >= size) return UNSATISFIABLE;
  return { kind: 'part', offset, length: Math.min(end, size - 1) - offset + 1 };
}

/** "If the selected representation is shorter than the suffix-length, all of it is used" (§14.1.2). */
function suffixOf(length: number, size: number): RequestedRange {
  if (length === 0 || size === 0) return UNSATISFIABLE;
  const bytes = Math.min(length, size);
  return { kind: 'part', offset: size - bytes, length: bytes };
}

/** `Content-Range` of a 206 answer. */
export function contentRange(offset: number, length: number, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

/** `Content-Range` of a 416 answer. */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/**
 * If-Range: the range counts only when its validator is the representation's strong entity-tag
 * (§13.1.5). A date never matches, because we give none.
 */
export function rangeStillValid(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}

/** If-None-Match, by weak comparison (§13.1.2). */
export function noneMatch(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return true;
  if (ifNoneMatch.trim() === '*') return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return !tags.includes(etag);
}
