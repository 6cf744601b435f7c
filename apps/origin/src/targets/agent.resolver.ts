import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { PrincipalResolvers } from '../auth/principal-resolvers.js';
import type { Principal } from '../auth/principal.js';
import { CLOCK } from '../config/start-context.js';
import { AGENT_TOKEN_PREFIX, AgentSessionTokens } from './agent-session.tokens.js';
import { InstanceGuard } from './instance.guard.js';
import { TargetRegistry } from './target.registry.js';

/** A machine in its session; `id` is the target's. */
export interface AgentPrincipal extends Principal {
  readonly kind: 'agent';
  readonly instance: string;
}

/** The agent behind a request; routes that use it are open to agents only. */
export function agentOf(caller: Principal): AgentPrincipal {
  if (caller.kind === 'agent' && 'instance' in caller) return caller as AgentPrincipal;
  throw new FleetseedError('FORBIDDEN', 'Only agents may do this.');
}

/** Turns session tokens into callers, and notes that their machines are there. */
@Injectable()
export class AgentResolver implements OnModuleInit {
  constructor(
    private readonly resolvers: PrincipalResolvers,
    private readonly sessions: AgentSessionTokens,
    private readonly registry: TargetRegistry,
    private readonly guard: InstanceGuard,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.resolvers.add({ prefix: AGENT_TOKEN_PREFIX, resolve: (token) => this.resolve(token) });
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED, DUPLICATE_IDENTITY */
  async resolve(token: string): Promise<AgentPrincipal> {
    const now = this.clock.now();
    const { target, instance, expiresAt } = this.sessions.verify(token, now);
    const document = await this.registry.find(target);
    if (!document) throw new FleetseedError('TOKEN_INVALID', 'The target was removed.', { target });
    await this.guard.admit(target, instance, expiresAt);
    return {
      kind: 'agent',
      id: target,
      name: document.hostname,
      scopes: ['app:*:read'],
      // What is made in the agent's name (tracker keys) ends with the target, not with this session.
      expiresAt: null,
      instance,
    };
  }
}
