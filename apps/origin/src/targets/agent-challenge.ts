import { randomBytes } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';

import { Stamp } from './stamp.js';

const LIFETIME_MS = 60_000;
const TARGET_BYTES = 20;
const EXPIRY_BYTES = 8;
const RANDOM_BYTES = 16;
const LENGTH = TARGET_BYTES + EXPIRY_BYTES + RANDOM_BYTES;

/**
 * Challenges that need no memory: each carries whom it is for and when it ends, stamped. A challenge
 * may be answered more than once within its minute; an answer is bound to one instance by the
 * agent's signature, so that a repetition renews the same session and opens no other.
 */
export class AgentChallenges {
  readonly #stamp: Stamp;

  constructor(key: Uint8Array) {
    this.#stamp = new Stamp(key, 'fleetseed-challenge-1');
  }

  issue(target: string, nowMs: number): string {
    const payload = Buffer.alloc(LENGTH);
    payload.write(target, 0, TARGET_BYTES, 'hex');
    payload.writeBigUInt64BE(BigInt(nowMs + LIFETIME_MS), TARGET_BYTES);
    randomBytes(RANDOM_BYTES).copy(payload, TARGET_BYTES + EXPIRY_BYTES);
    return this.#stamp.seal(payload);
  }

  /** @throws IDENTITY_PROOF_INVALID unless we gave this challenge to this target within a minute. */
  check(challenge: string, target: string, nowMs: number): void {
    const payload = this.#stamp.open(challenge);
    if (payload?.length !== LENGTH || payload.toString('hex', 0, TARGET_BYTES) !== target) {
      throw new FleetseedError(
        'IDENTITY_PROOF_INVALID',
        'The challenge was not made for this target.',
      );
    }
    if (Number(payload.readBigUInt64BE(TARGET_BYTES)) < nowMs) {
      throw new FleetseedError(
        'IDENTITY_PROOF_INVALID',
        'The challenge is too old: ask for another.',
      );
    }
  }
}
