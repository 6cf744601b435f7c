import { Inject, Injectable } from '@nestjs/common';

import type { JoinAnswer, JoinRequest, SessionAnswer, SessionRequest } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import { JoinTokens } from '../auth/join-tokens.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { AgentChallenges } from './agent-challenge.js';
import { AgentSessionTokens } from './agent-session.tokens.js';
import { checkSessionProof, targetIdOf } from './agent.identity.js';
import { InstanceGuard } from './instance.guard.js';
import { TargetRegistry } from './target.registry.js';

/** How machines come into the fleet and prove, at each start, that they are who they say. */
@Injectable()
export class AgentSessionsService {
  constructor(
    private readonly joinTokens: JoinTokens,
    private readonly registry: TargetRegistry,
    private readonly challenges: AgentChallenges,
    private readonly sessions: AgentSessionTokens,
    private readonly guard: InstanceGuard,
    private readonly tracker: Tracker,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Registers the key of a machine. A machine that joined before and asks again (its answer was
   * lost) takes another use of the token, and stays who it is.
   * @throws JOIN_REFUSED, REQUEST_INVALID
   */
  async join(joinToken: string, request: JoinRequest): Promise<JoinAnswer> {
    const target = targetIdOf(request.publicKey);
    const joinedWith = await this.joinTokens.use(joinToken);
    await this.registry.join(target, request, joinedWith, this.clock.now());
    this.logger.info('target joined', { target, hostname: request.hostname, joinedWith });
    return { target };
  }

  /** A challenge is given for any id, and costs no memory. */
  challenge(target: string): { challenge: string } {
    return { challenge: this.challenges.issue(target, this.clock.now()) };
  }

  /** @throws IDENTITY_PROOF_INVALID, TARGET_NOT_FOUND, DUPLICATE_IDENTITY */
  async open(request: SessionRequest): Promise<SessionAnswer> {
    const now = this.clock.now();
    const { target, challenge, instance, signature, hostname, labels, agentVersion } = request;
    this.challenges.check(challenge, target, now);
    const { publicKey } = await this.registry.get(target);
    checkSessionProof(publicKey, challenge, instance, signature);
    const issued = this.sessions.issue(target, instance, now);
    await this.guard.admit(target, instance, issued.expiresAt);
    await this.registry.update(target, { hostname, labels, agentVersion });
    return { ...issued, bootEpoch: this.tracker.bootEpoch };
  }

  /** Removes a target: its sessions end with the next request, and it would have to join again. */
  async remove(target: string): Promise<void> {
    await this.registry.get(target);
    await this.registry.remove(target);
    this.logger.info('target removed', { target });
  }
}
