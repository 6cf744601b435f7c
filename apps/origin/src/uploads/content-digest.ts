import { CONTENT_DIGEST_HEADER, FleetseedError } from '#lib/contracts';

const MEMBER = /(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/]{43}=):\s*(?:$|[,;])/i;

/** The SHA-256 of a `Content-Digest` header (RFC 9530). @throws PART_INVALID if there is none. */
export function parseContentDigest(header: string | undefined): Buffer {
  const match = MEMBER.exec(header ?? '');
  if (match) return Buffer.from(match[1]!, 'base64');
  throw new FleetseedError(
    'PART_INVALID',
    `A part needs its SHA-256 in the header ${CONTENT_DIGEST_HEADER}: sha-256=:<base64>:.`,
  );
}
