import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import type { Depot } from '#lib/depot';
import type { Clock, Logger } from '#lib/runtime';

import { AuthModule } from '../auth/auth.module.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { MasterSecret } from '../depot/master-secret.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { AgentChallenges } from './agent-challenge.js';
import { AgentSessionTokens } from './agent-session.tokens.js';
import { AgentResolver } from './agent.resolver.js';
import { AgentStreams } from './agent.streams.js';
import { FleetTime } from './fleet.time.js';
import type { IdentityClaims } from './identity-claims.js';
import { InstanceGuard } from './instance.guard.js';
import { openIdentityClaims } from './open-identity-claims.js';
import { Presence } from './presence.js';
import { SoftStateNews } from './soft-state.news.js';
import { TargetNews } from './target.news.js';
import { TargetRegistry } from './target.registry.js';
import { TargetStates } from './target.states.js';

/** Injection token of the {@link IdentityClaims}; null for a replica that is alone. */
const IDENTITY_CLAIMS = Symbol('IdentityClaims');

/** Who the machines are and what is known of them: what tracker, swarms and targets share. */
@Module({
  imports: [AuthModule, DepotModule, ReplicasModule],
  providers: [
    AgentResolver,
    AgentStreams,
    Presence,
    SoftStateNews,
    TargetNews,
    {
      provide: TargetStates,
      useFactory: (clock: Clock) => new TargetStates(new FleetTime(() => clock.now())),
      inject: [CLOCK],
    },
    {
      provide: IDENTITY_CLAIMS,
      useFactory: openIdentityClaims,
      inject: [ORIGIN_CONFIG, DEPOT, LOGGER],
    },
    {
      provide: InstanceGuard,
      useFactory: (
        presence: Presence,
        claims: IdentityClaims | null,
        post: ReplicaPost,
        board: ReplicaBoard,
        clock: Clock,
        logger: Logger,
      ) => new InstanceGuard({ presence, claims, post, board, clock, logger }),
      inject: [Presence, IDENTITY_CLAIMS, ReplicaPost, ReplicaBoard, CLOCK, LOGGER],
    },
    {
      provide: TargetRegistry,
      useFactory: (depot: Depot) => new TargetRegistry(depot),
      inject: [DEPOT],
    },
    {
      provide: AgentChallenges,
      useFactory: (master: MasterSecret) =>
        new AgentChallenges(master.derive('fleetseed-agent-challenge-1')),
      inject: [MasterSecret],
    },
    {
      provide: AgentSessionTokens,
      useFactory: (master: MasterSecret) =>
        new AgentSessionTokens(master.derive('fleetseed-agent-session-1')),
      inject: [MasterSecret],
    },
  ],
  exports: [
    AgentChallenges,
    AgentSessionTokens,
    AgentStreams,
    InstanceGuard,
    Presence,
    TargetRegistry,
    TargetStates,
  ],
})
export class AgentStateModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(TargetRegistry) private readonly registry: TargetRegistry,
    @Inject(InstanceGuard) private readonly guard: InstanceGuard,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.registry.load();
  }

  onApplicationShutdown(): void {
    this.guard.close();
  }
}
