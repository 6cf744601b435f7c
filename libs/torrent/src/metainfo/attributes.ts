import type { BencodeValue } from '../bencode/bencode.types.js';
import { checkTarget, decodeComponent } from '../layout/path-rules.js';
import { invalid, type Fields } from './fields.reader.js';

/** What BEP 47 says about an entry besides its path and length. */
export interface Attributes {
  readonly pad: boolean;
  readonly executable: boolean;
  readonly symlink: readonly string[] | null;
}

/**
 * Reads `attr` and `symlink path` of an entry. Unknown letters are ignored, as BEP 47 wants.
 *
 * @throws FleetseedError METAINFO_INVALID for a symlink without a target, METAINFO_PATH_INVALID for a
 *   target that is absolute or leads outside.
 */
export function readAttributes(entry: Fields): Attributes {
  const letters = entry.bytes('attr')?.toString('latin1') ?? '';
  const pad = letters.includes('p');
  const executable = letters.includes('x');
  if (!letters.includes('l')) return { pad, executable, symlink: null };
  const target = entry.list('symlink path');
  if (target === undefined) throw invalid('A symlink has no "symlink path".');
  const symlink = target.map((component) => textOfComponent(component));
  checkTarget(symlink);
  // The mode of a symlink means nothing; libtorrent marks some as executable.
  return { pad, executable: false, symlink };
}

/** A path component as it stands in a list. */
export function textOfComponent(value: BencodeValue): string {
  if (!Buffer.isBuffer(value)) throw invalid('A path component must be a byte string.');
  return decodeComponent(value);
}
