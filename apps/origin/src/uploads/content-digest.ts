import { CONTENT_DIGEST_HEADER, FleetseedError, PART_ROOT_HEADER } from '#lib/contracts';

const MEMBER = /(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/]{43}=):\s*(?:$|[,;])/i;
const ROOT = /^[0-9a-f]{64}$/i;

/** What a part says its bytes are. */
export type PartClaim = { readonly digest: Buffer } | { readonly root: Buffer };

/**
 * The SHA-256 of a `Content-Digest` header (RFC 9530), or else the Merkle root of the part.
 * @returns null if there is neither
 * @throws PART_INVALID for a header that says nothing
 */
export function parseClaim(headers: NodeJS.Dict<string | string[]>): PartClaim | null {
  const digest = headers[CONTENT_DIGEST_HEADER];
  const root = headers[PART_ROOT_HEADER];
  if (digest !== undefined) {
    const match = MEMBER.exec(String(digest));
    if (match) return { digest: Buffer.from(match[1]!, 'base64') };
  } else if (root === undefined) {
    return null;
  } else if (ROOT.test(String(root))) {
    return { root: Buffer.from(String(root), 'hex') };
  }
  throw claimMissing();
}

export function claimMissing(): FleetseedError {
  return new FleetseedError(
    'PART_INVALID',
    `A part needs its SHA-256 in the header ${CONTENT_DIGEST_HEADER}: sha-256=:<base64>: (or its Merkle root in hex in ${PART_ROOT_HEADER}).`,
  );
}
