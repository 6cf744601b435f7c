import { Module } from '@nestjs/common';

import { LedgerModule } from '../ledger/ledger.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { SeederModule } from '../seeder/seeder.module.js';
import { AgentStateModule } from '../targets/agent-state.module.js';
import { AgentStreams } from '../targets/agent.streams.js';
import { TargetStates } from '../targets/target.states.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { SwarmWatch } from './swarm-watch.js';
import { SwarmsController } from './swarms.controller.js';
import { SwarmsService } from './swarms.service.js';
import { WatchNews } from './watch.news.js';

@Module({
  imports: [
    AgentStateModule,
    ArtifactIndexModule,
    LedgerModule,
    ReplicasModule,
    SeederModule,
    TrackerModule,
  ],
  controllers: [SwarmsController],
  providers: [
    SwarmsService,
    WatchNews,
    {
      provide: SwarmWatch,
      useFactory: (streams: AgentStreams, states: TargetStates) => new SwarmWatch(streams, states),
      inject: [AgentStreams, TargetStates],
    },
  ],
  exports: [SwarmWatch, SwarmsService],
})
export class SwarmsModule {}
