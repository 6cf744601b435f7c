import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

/** DER of a SubjectPublicKeyInfo for Ed25519 (RFC 8410 §4) up to the 32 bytes of the key. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TARGET_ID_BYTES = 20;

/** A target's id: the first 20 bytes of the SHA-256 of its raw public key, hex. */
export function targetIdOf(publicKey: string): string {
  const hash = createHash('sha256').update(rawKey(publicKey)).digest();
  return hash.toString('hex', 0, TARGET_ID_BYTES);
}

/** What an agent signs to open a session (contracts/api/agents.ts). */
export function sessionProofText(challenge: string, instance: string): string {
  return `fleetseed-session-1\n${challenge}\n${instance}`;
}

/**
 * @param publicKey base64url of 32 raw bytes.
 * @param signature base64url of 64 bytes.
 * @throws IDENTITY_PROOF_INVALID unless the signature over challenge and instance is the key's.
 */
export function checkSessionProof(
  publicKey: string,
  challenge: string,
  instance: string,
  signature: string,
): void {
  const bytes = Buffer.from(signature, 'base64url');
  const text = Buffer.from(sessionProofText(challenge, instance));
  if (bytes.length === SIGNATURE_BYTES && verify(null, text, keyObject(publicKey), bytes)) return;
  throw new FleetseedError('IDENTITY_PROOF_INVALID', 'The signature is not that of the target.');
}

function keyObject(publicKey: string): KeyObject {
  return createPublicKey({
    key: Buffer.concat([ED25519_SPKI_PREFIX, rawKey(publicKey)]),
    format: 'der',
    type: 'spki',
  });
}

function rawKey(publicKey: string): Buffer {
  const bytes = Buffer.from(publicKey, 'base64url');
  // A text with stray bits at its end would be a second name for the same key.
  if (bytes.length === KEY_BYTES && bytes.toString('base64url') === publicKey) return bytes;
  throw new FleetseedError('REQUEST_INVALID', 'publicKey is not base64url of 32 bytes.');
}
