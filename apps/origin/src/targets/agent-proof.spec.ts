import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { AgentChallenges } from './agent-challenge.js';
import { AGENT_SESSION_MS, AgentSessionTokens } from './agent-session.tokens.js';
import { checkSessionProof, sessionProofText, targetIdOf } from './agent.identity.js';

const SECRET = randomBytes(32);
const NOW = Date.UTC(2026, 10, 22);
const INSTANCE = 'instance-of-16-chars';

function agentKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'jwk' }).x!;
  return { publicKey: raw, target: targetIdOf(raw), privateKey };
}

describe('session proof', () => {
  const { publicKey, privateKey } = agentKey();
  const signature = sign(null, Buffer.from(sessionProofText('c', INSTANCE)), privateKey).toString(
    'base64url',
  );

  it('accepts the signature of the key over challenge and instance', () => {
    expect(() => checkSessionProof(publicKey, 'c', INSTANCE, signature)).not.toThrow();
  });

  it.each([
    ['another challenge', publicKey, 'd', INSTANCE, signature],
    ['another instance', publicKey, 'c', `${INSTANCE}2`, signature],
    ['another key', agentKey().publicKey, 'c', INSTANCE, signature],
    ['a signature cut short', publicKey, 'c', INSTANCE, signature.slice(0, 40)],
  ])('refuses %s', (_name, key, challenge, instance, proof) => {
    expect(() => checkSessionProof(key, challenge, instance, proof)).toThrow(
      expect.objectContaining({ code: 'IDENTITY_PROOF_INVALID' }),
    );
  });

  it('gives one key one id only', () => {
    const last = publicKey.at(-1)!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const stray = publicKey.slice(0, -1) + alphabet[alphabet.indexOf(last) | 1]!;
    expect(stray).not.toBe(publicKey);
    expect(() => targetIdOf(stray)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('AgentChallenges', () => {
  const challenges = new AgentChallenges(SECRET);
  const { target } = agentKey();

  it('accepts its own challenges for a minute, on any replica', () => {
    const challenge = challenges.issue(target, NOW);
    new AgentChallenges(SECRET).check(challenge, target, NOW + 60_000);
    expect(() => challenges.check(challenge, target, NOW + 60_001)).toThrow('too old');
  });

  it('refuses those of others and for others', () => {
    const foreign = new AgentChallenges(randomBytes(32)).issue(target, NOW);
    expect(() => challenges.check(foreign, target, NOW)).toThrow('not made for this target');
    const other = challenges.issue(agentKey().target, NOW);
    expect(() => challenges.check(other, target, NOW)).toThrow('not made for this target');
    expect(() => challenges.check('x', target, NOW)).toThrow('not made for this target');
  });
});

describe('AgentSessionTokens', () => {
  const tokens = new AgentSessionTokens(SECRET);
  const { target } = agentKey();

  it('opens what it issued until it ends', () => {
    const { token, expiresAt } = tokens.issue(target, INSTANCE, NOW);
    expect(tokens.verify(token, NOW)).toEqual({ target, instance: INSTANCE, expiresAt });
    expect(() => tokens.verify(token, NOW + AGENT_SESSION_MS + 1)).toThrow(
      expect.objectContaining({ code: 'TOKEN_EXPIRED' }),
    );
  });

  it('refuses a token whose payload was changed, and a challenge in its place', () => {
    const { token } = tokens.issue(target, INSTANCE, NOW);
    const forged = `fsa_${Buffer.from(JSON.stringify([target, 'x', NOW * 2])).toString('base64url')}.${token.split('.')[1]}`;
    const challenge = `fsa_${new AgentChallenges(SECRET).issue(target, NOW)}`;
    for (const each of [forged, challenge, 'fsa_', 'fsa_.', 'other']) {
      expect(() => tokens.verify(each, NOW)).toThrow(
        expect.objectContaining({ code: 'TOKEN_INVALID' }),
      );
    }
  });
});
