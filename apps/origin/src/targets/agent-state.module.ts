import { Inject, Module, type OnModuleInit } from '@nestjs/common';

import type { Depot } from '#lib/depot';

import { AuthModule } from '../auth/auth.module.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { MasterSecret } from '../depot/master-secret.js';
import { AgentChallenges } from './agent-challenge.js';
import { AgentSessionTokens } from './agent-session.tokens.js';
import { AgentResolver } from './agent.resolver.js';
import { AgentStreams } from './agent.streams.js';
import { Presence } from './presence.js';
import { TargetRegistry } from './target.registry.js';
import { TargetStates } from './target.states.js';

/** Who the machines are and what is known of them: what tracker, swarms and targets share. */
@Module({
  imports: [AuthModule, DepotModule],
  providers: [
    AgentResolver,
    AgentStreams,
    Presence,
    TargetStates,
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
    Presence,
    TargetRegistry,
    TargetStates,
  ],
})
export class AgentStateModule implements OnModuleInit {
  constructor(@Inject(TargetRegistry) private readonly registry: TargetRegistry) {}

  async onModuleInit(): Promise<void> {
    await this.registry.load();
  }
}
