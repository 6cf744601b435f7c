import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a token is for; its prefix lets people and secret scanners tell it. */
export type TokenKind = 'api' | 'join';

export const TOKEN_PREFIX: Readonly<Record<TokenKind, string>> = { api: 'fst_', join: 'fsj_' };

const FORM = /^(fst_|fsj_)([0-9a-f]{16})_([A-Za-z0-9_-]{43})([0-9a-f]{8})$/;

export interface ParsedToken {
  readonly kind: TokenKind;
  /** The document's id: `tokens/<id>.json`. */
  readonly id: string;
}

/** A fresh token. @param source of its 8 bytes of id and 32 of secret; random ones by default */
export function makeToken(
  kind: TokenKind,
  source: (part: 'id' | 'secret') => Buffer = () => randomBytes(32),
): ParsedToken & { readonly text: string } {
  const id = source('id').toString('hex', 0, 8);
  const body = `${TOKEN_PREFIX[kind]}${id}_${source('secret').toString('base64url')}`;
  return { kind, id, text: body + checksum(body) };
}

/** The parts of a token, or null for what cannot be one: a mistyped token is told without a look-up. */
export function parseToken(text: string): ParsedToken | null {
  const match = FORM.exec(text);
  if (!match || checksum(text.slice(0, -8)) !== match[4]) return null;
  return { kind: match[1] === TOKEN_PREFIX.api ? 'api' : 'join', id: match[2]! };
}

/** What is stored of a secret: SHA-256 in hex. The secrets have 256 random bits, so no salt is needed. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares without telling by its time where the difference is. */
export function matchesHash(secret: string, hash: string): boolean {
  const wanted = Buffer.from(hash, 'hex');
  const found = createHash('sha256').update(secret).digest();
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, '0');
}
