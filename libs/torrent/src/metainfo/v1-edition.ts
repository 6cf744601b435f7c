import { createHash } from 'node:crypto';

import { bdecodeLocated } from '../bencode/bencode.decoder.js';
import { bencode } from '../bencode/bencode.encoder.js';
import { RawBencode, type BencodeInput } from '../bencode/bencode.types.js';
import type { Metainfo } from './metainfo.types.js';

/** Under which of its info-hashes a peer knows an artifact: `v1-only` is that of the v1 edition. */
export type InfoHashKind = 'v1' | 'v2' | 'v1-only';

/** Keys of `info` that BEP 52 added. */
const V2_KEYS: ReadonlySet<string> = new Set(['file tree', 'meta version']);

export interface V1Edition {
  readonly infoBytes: Buffer;
  /** SHA-1 of `infoBytes`; another one than the hybrid's. */
  readonly infoHash: Buffer;
}

/**
 * The `info` dictionary of a hybrid without its v2 keys: the same pieces under an info-hash of its own.
 *
 * Old clients cannot use hybrids, because the leaves of a v2 file tree stand under the empty key:
 * Transmission before 4.0 refuses such a file, aria2 before 1.37 computes a wrong info-hash of it.
 *
 * @returns null for metainfo without both views
 */
export function v1EditionOf({ infoBytes, infoHashV1, infoHashV2 }: Metainfo): V1Edition | null {
  if (infoHashV1 === null || infoHashV2 === null) return null;
  const { ranges } = bdecodeLocated(infoBytes, { maxBytes: infoBytes.length });
  const kept = new Map<string, BencodeInput>();
  for (const [key, { start, end }] of ranges) {
    if (!V2_KEYS.has(key)) kept.set(key, new RawBencode(infoBytes.subarray(start, end)));
  }
  const edition = bencode(kept);
  return { infoBytes: edition, infoHash: createHash('sha1').update(edition).digest() };
}
