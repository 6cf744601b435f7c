import { createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { memberProof, verifyMemberProof, type MemberClaim } from './member-proof.js';

const SECRET = Buffer.alloc(32, 9);
const CLAIM: MemberClaim = {
  infoHashV2: Buffer.alloc(32, 1),
  proverInitiated: true,
  proverNonce: Buffer.alloc(32, 2),
  verifierNonce: Buffer.alloc(32, 3),
  proverPeerId: Buffer.alloc(20, 4),
  proverRole: 'agent',
};

describe('memberProof', () => {
  it('is the HMAC of the documented layout', () => {
    const layout = Buffer.concat([
      Buffer.from('fleetseed-member-1I'),
      Buffer.alloc(32, 1),
      Buffer.alloc(32, 2),
      Buffer.alloc(32, 3),
      Buffer.alloc(20, 4),
      Buffer.from('agent'),
    ]);
    const expected = createHmac('sha256', SECRET).update(layout).digest('hex');
    expect(memberProof(SECRET, CLAIM).toString('hex')).toBe(expected);
  });

  it('verifies', () => {
    expect(verifyMemberProof(SECRET, CLAIM, memberProof(SECRET, CLAIM))).toBe(true);
  });

  it.each<[string, Partial<MemberClaim>]>([
    ['another artifact', { infoHashV2: Buffer.alloc(32, 7) }],
    ['the other end of the connection, so that it cannot be mirrored', { proverInitiated: false }],
    ['another nonce of the prover', { proverNonce: Buffer.alloc(32, 7) }],
    [
      'another nonce of the verifier, so that it cannot be replayed',
      { verifierNonce: Buffer.alloc(32, 7) },
    ],
    ['another peer id', { proverPeerId: Buffer.alloc(20, 7) }],
    ['another role', { proverRole: 'origin' }],
  ])('does not hold for %s', (_what, change) => {
    const proof = memberProof(SECRET, CLAIM);
    expect(verifyMemberProof(SECRET, { ...CLAIM, ...change }, proof)).toBe(false);
  });

  it('does not hold with another secret, or with another length', () => {
    const proof = memberProof(SECRET, CLAIM);
    expect(verifyMemberProof(Buffer.alloc(32, 8), CLAIM, proof)).toBe(false);
    expect(verifyMemberProof(SECRET, CLAIM, proof.subarray(0, 31))).toBe(false);
    expect(verifyMemberProof(SECRET, CLAIM, Buffer.alloc(0))).toBe(false);
  });
});
