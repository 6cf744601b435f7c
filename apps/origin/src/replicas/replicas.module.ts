import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
} from '@nestjs/common';

import type { Clock, Logger } from '#lib/runtime';

import { OriginAddresses } from '../config/origin-addresses.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { openReplicaBus } from './open-replica-bus.js';
import { ReplicaBoard } from './replica-board.js';
import type { ReplicaBus } from './replica-bus.js';
import { ReplicaPost } from './replica-post.js';

/** Injection token of the {@link ReplicaBus}; features speak through {@link ReplicaPost}. */
const REPLICA_BUS = Symbol('ReplicaBus');

/** The other replicas of the fleet: who is there, and how to tell them something. */
@Module({
  imports: [DepotModule],
  providers: [
    {
      provide: REPLICA_BUS,
      useFactory: openReplicaBus,
      inject: [ORIGIN_CONFIG, DEPOT, CLOCK, LOGGER],
    },
    {
      provide: ReplicaPost,
      useFactory: (bus: ReplicaBus, logger: Logger) => new ReplicaPost(bus, logger),
      inject: [REPLICA_BUS, LOGGER],
    },
    {
      provide: ReplicaBoard,
      useFactory: makeBoard,
      inject: [ReplicaPost, ORIGIN_CONFIG, OriginAddresses, CLOCK, LOGGER],
    },
  ],
  exports: [ReplicaBoard, ReplicaPost],
})
export class ReplicasModule implements BeforeApplicationShutdown, OnApplicationShutdown {
  constructor(
    @Inject(REPLICA_BUS) private readonly bus: ReplicaBus,
    @Inject(ReplicaBoard) private readonly board: ReplicaBoard,
    shutdown: ShutdownSignal,
  ) {
    // Work that is divided among replicas goes to the others from the first moment of the end.
    shutdown.leaving.addEventListener('abort', () => this.board.end(), { once: true });
  }

  beforeApplicationShutdown(): void {
    this.board.end();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.bus.close();
  }
}

function makeBoard(
  post: ReplicaPost,
  config: OriginConfig,
  addresses: OriginAddresses,
  clock: Clock,
  logger: Logger,
): ReplicaBoard {
  const { roles } = config;
  const peerOf = () => (addresses.peer === '' ? null : addresses.peer);
  return new ReplicaBoard({ post, clock, logger, describe: () => ({ roles, peer: peerOf() }) });
}
