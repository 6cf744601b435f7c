import { z } from 'zod';

import { FleetseedError, TargetId } from '#lib/contracts';

import { Stamp } from './stamp.js';

/** Distinguishes session tokens of agents from all other bearer tokens. */
export const AGENT_TOKEN_PREFIX = 'fsa_';
export const AGENT_SESSION_MS = 15 * 60_000;

/** Who a session token speaks for. */
export interface AgentSession {
  readonly target: string;
  /** Random per start of the agent. */
  readonly instance: string;
  /** Ms since the epoch. */
  readonly expiresAt: number;
}

const Payload = z.tuple([TargetId, z.string(), z.number()]);

/**
 * Bearer tokens of agents: `fsa_` and a stamp over target, instance and end. They are not stored,
 * so any replica accepts them; they end by themselves after 15 minutes and are renewed by opening a
 * session again with the same instance.
 */
export class AgentSessionTokens {
  readonly #stamp: Stamp;

  constructor(key: Uint8Array) {
    this.#stamp = new Stamp(key, 'fleetseed-agent-session-1');
  }

  issue(target: string, instance: string, nowMs: number): { token: string; expiresAt: number } {
    const expiresAt = nowMs + AGENT_SESSION_MS;
    const payload = Buffer.from(JSON.stringify([target, instance, expiresAt]));
    return { token: AGENT_TOKEN_PREFIX + this.#stamp.seal(payload), expiresAt };
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  verify(token: string, nowMs: number): AgentSession {
    const payload = token.startsWith(AGENT_TOKEN_PREFIX)
      ? this.#stamp.open(token.slice(AGENT_TOKEN_PREFIX.length))
      : null;
    if (!payload) throw new FleetseedError('TOKEN_INVALID', 'The session token is not ours.');
    const [target, instance, expiresAt] = Payload.parse(JSON.parse(payload.toString('utf8')));
    if (expiresAt < nowMs) {
      throw new FleetseedError('TOKEN_EXPIRED', 'The session has ended: open it again.');
    }
    return { target, instance, expiresAt };
  }
}
