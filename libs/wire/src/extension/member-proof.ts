import { createHmac, timingSafeEqual } from 'node:crypto';

import type { FleetRole } from './extension-handshake.codec.js';

export const MEMBER_PROOF_BYTES = 32;

const CONTEXT = Buffer.from('fleetseed-member-1', 'latin1');

/** What the payload of `fs_member` proves knowledge of the swarm secret over. */
export interface MemberClaim {
  /** The full 32 bytes. */
  readonly infoHashV2: Buffer;
  /** True when the *prover* opened the TCP connection: a proof cannot be mirrored back. */
  readonly proverInitiated: boolean;
  /** 32 bytes each, from the two extension handshakes. */
  readonly proverNonce: Buffer;
  readonly verifierNonce: Buffer;
  readonly proverPeerId: Buffer;
  /** The role the prover gave itself in its extension handshake. */
  readonly proverRole: FleetRole;
}

/** HMAC-SHA256 over the claim: 32 bytes, the payload of `fs_member`. */
export function memberProof(swarmSecret: Uint8Array, claim: MemberClaim): Buffer {
  requireLength(claim.infoHashV2, 32, 'v2 info-hash');
  requireLength(claim.proverNonce, 32, 'nonce');
  requireLength(claim.verifierNonce, 32, 'nonce');
  requireLength(claim.proverPeerId, 20, 'peer id');
  return createHmac('sha256', swarmSecret)
    .update(CONTEXT)
    .update(claim.proverInitiated ? 'I' : 'A', 'latin1')
    .update(claim.infoHashV2)
    .update(claim.proverNonce)
    .update(claim.verifierNonce)
    .update(claim.proverPeerId)
    .update(claim.proverRole, 'latin1')
    .digest();
}

/** True when `proof` is right; takes the same time wherever it is wrong. */
export function verifyMemberProof(
  swarmSecret: Uint8Array,
  claim: MemberClaim,
  proof: Uint8Array,
): boolean {
  return (
    proof.length === MEMBER_PROOF_BYTES && timingSafeEqual(memberProof(swarmSecret, claim), proof)
  );
}

function requireLength(bytes: Buffer, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`A ${what} has ${length} bytes`);
}
