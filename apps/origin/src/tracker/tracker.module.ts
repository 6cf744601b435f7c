import { Module } from '@nestjs/common';

import { systemRandom, type Clock } from '#lib/runtime';
import { Tracker } from '#lib/tracker';

import { AuthModule } from '../auth/auth.module.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { FleetNewsModule } from '../events/fleet-news.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { AgentStateModule } from '../targets/agent-state.module.js';
import { AgentAnnouncesService } from './agent-announces.service.js';
import { ArtifactIndexModule } from './artifact-index.module.js';
import { ArtifactIndexService } from './artifact-index.service.js';
import { DoorNews } from './door.news.js';
import { openPeerStore, OpenedPeerStore } from './opened-peer-store.js';
import { SwarmDoor } from './swarm-door.js';
import { TrackerHttpDoor } from './tracker-http.door.js';
import { TrackerAbsence } from './tracker.absence.js';
import { TrackerAuthorizer } from './tracker.authorizer.js';
import { UdpTrackerService } from './udp-tracker.service.js';
import { WatchedPeerStore } from './watched.peer-store.js';

/** A stock client shows this to its user, who would otherwise see peers that hang up. */
const MEMBERS_ONLY =
  'Peers here serve members of their fleet only; an origin with --peer-access announced lets this client in.';

/** The tracker, embedded: peers in memory or in Redis, artifacts and keys from the depot. */
@Module({
  imports: [
    AgentStateModule,
    ArtifactIndexModule,
    AuthModule,
    DepotModule,
    FleetNewsModule,
    ReplicasModule,
  ],
  providers: [
    AgentAnnouncesService,
    DoorNews,
    TrackerAbsence,
    TrackerAuthorizer,
    TrackerHttpDoor,
    UdpTrackerService,
    {
      provide: SwarmDoor,
      useFactory: (clock: Clock, { peerAccess }: OriginConfig) =>
        new SwarmDoor(() => clock.now(), peerAccess === 'announced'),
      inject: [CLOCK, ORIGIN_CONFIG],
    },
    {
      provide: OpenedPeerStore,
      useFactory: openPeerStore,
      inject: [ORIGIN_CONFIG, DEPOT, CLOCK, LOGGER],
    },
    {
      provide: Tracker,
      useFactory: makeTracker,
      inject: [
        ORIGIN_CONFIG,
        CLOCK,
        ArtifactIndexService,
        TrackerAuthorizer,
        SwarmDoor,
        OpenedPeerStore,
      ],
    },
  ],
  exports: [AgentAnnouncesService, OpenedPeerStore, SwarmDoor, Tracker, TrackerHttpDoor],
})
export class TrackerModule {}

function makeTracker(
  config: OriginConfig,
  clock: Clock,
  artifacts: ArtifactIndexService,
  authorizer: TrackerAuthorizer,
  door: SwarmDoor,
  peers: OpenedPeerStore,
): Tracker {
  return new Tracker({
    access: config.trackerAccess,
    registry: artifacts,
    authorize: authorizer.authorize,
    recognize: authorizer.recognize,
    store: new WatchedPeerStore(peers.store, door),
    clock,
    random: systemRandom,
    ...(config.peerAccess === 'members' ? { strangerWarning: MEMBERS_ONLY } : {}),
  });
}
