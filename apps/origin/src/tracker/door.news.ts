import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';

import { Hex20 } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import { normalizeIp } from '#lib/wire';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { FleetNews } from '../events/fleet-news.js';
import { ToldLately } from '../events/told-lately.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { ArtifactIndexService } from './artifact-index.service.js';
import { OpenedPeerStore } from './opened-peer-store.js';
import { SwarmDoor } from './swarm-door.js';

/** No record of a peer is kept for longer, ms. */
const MAX_FOR_MS = 3_600_000;

const Announced = replicaTopic(
  'announced',
  z.object({
    swarm: Hex20,
    host: z.string().max(64),
    forMs: z.number().positive().max(MAX_FOR_MS),
  }),
);

/** Between looks at the shared peer list of a swarm, for hosts that nobody told of, ms. */
const LOOK_EVERY_MS = 2000;
/** Hosts of one swarm that a look finds. */
const MAX_LOOKED_AT = 2000;

/**
 * Who announces at one replica may come to the seeder of any: they get ready for it, and let in who has
 * announced. What was not heard of is looked for in the shared peer list when somebody is at the door;
 * he is refused once and let in when he comes again.
 */
@Injectable()
export class DoorNews implements OnModuleInit, OnModuleDestroy {
  readonly #looked = new ToldLately(LOOK_EVERY_MS);
  #end: () => void = () => undefined;

  constructor(
    private readonly door: SwarmDoor,
    private readonly peers: OpenedPeerStore,
    private readonly artifacts: ArtifactIndexService,
    private readonly news: FleetNews,
    @Inject(ReplicaPost) private readonly post: ReplicaPost,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    if (this.post.isLonely) return;
    const letsAnnounced = this.config.peerAccess === 'announced';
    this.door.tell({
      wanted: (swarm) => this.#wanted(swarm),
      announced: (swarm, host, forMs) => {
        if (letsAnnounced) this.post.tell(Announced, { swarm, host, forMs: bounded(forMs) });
      },
      unknown: (swarm) => {
        if (letsAnnounced) this.#look(swarm);
      },
    });
    if (!letsAnnounced) return;
    this.#end = this.post.hear(Announced, ({ swarm, host, forMs }) => {
      const address = normalizeIp(host);
      const now = this.clock.now();
      if (address !== null) this.door.hosts.note(swarm, address, now + forMs, now);
    });
  }

  onModuleDestroy(): void {
    this.#end();
  }

  #wanted(swarm: string): void {
    const found = this.artifacts.index.find(swarm);
    if (found) this.news.wanted(found.release.artifact);
  }

  #look(swarm: string): void {
    if (!this.#looked.isNews(swarm, this.clock.monotonic())) return;
    this.peers.store.peers(swarm, MAX_LOOKED_AT).then(
      (peers) => {
        const now = this.clock.now();
        for (const { host, kind, caller, expiresAt } of peers) {
          if (caller === '' || kind === 'origin') continue;
          this.door.hosts.note(swarm, host, expiresAt, now);
        }
      },
      (error: unknown) => this.logger.warn('announced peers not looked at', { swarm, error }),
    );
  }
}

function bounded(forMs: number): number {
  return Math.min(Math.max(1, forMs), MAX_FOR_MS);
}
