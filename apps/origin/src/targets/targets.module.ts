import { Module } from '@nestjs/common';

import { ArtifactsModule } from '../artifacts/artifacts.module.js';
import { AuthModule } from '../auth/auth.module.js';
import { ChannelStoreModule } from '../channels/channel-store.module.js';
import { EventsModule } from '../events/events.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { ReleasesModule } from '../releases/releases.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { SwarmsModule } from '../swarms/swarms.module.js';
import { ArtifactIndexModule } from '../tracker/artifact-index.module.js';
import { TrackerModule } from '../tracker/tracker.module.js';
import { AgentEventsService } from './agent-events.service.js';
import { AgentReportService } from './agent-report.service.js';
import { AgentSessionsService } from './agent-sessions.service.js';
import { AgentStateModule } from './agent-state.module.js';
import { AgentTicketsService } from './agent-tickets.service.js';
import { AgentController } from './agent.controller.js';
import { ChannelHeads } from './channel-heads.js';
import { DesiredStateService } from './desired-state.service.js';
import { HeadWatch } from './head.watch.js';
import { TargetsController } from './targets.controller.js';
import { TargetsService } from './targets.service.js';

@Module({
  imports: [
    AgentStateModule,
    ArtifactIndexModule,
    ArtifactsModule,
    AuthModule,
    ChannelStoreModule,
    EventsModule,
    LedgerModule,
    ReleasesModule,
    ReplicasModule,
    SwarmsModule,
    TrackerModule,
  ],
  controllers: [AgentController, TargetsController],
  providers: [
    AgentEventsService,
    AgentReportService,
    AgentSessionsService,
    AgentTicketsService,
    ChannelHeads,
    DesiredStateService,
    HeadWatch,
    TargetsService,
  ],
})
export class TargetsModule {}
