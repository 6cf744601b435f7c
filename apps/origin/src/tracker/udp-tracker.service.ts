import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { configurationError } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import { ConnectionIds, Tracker, TrackerUdp, UdpDoor } from '#lib/tracker';
import { formatIpPort } from '#lib/wire';

import { listenAddressOf } from '../config/listen-address.js';
import { OriginAddresses } from '../config/origin-addresses.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { MasterSecret } from '../depot/master-secret.js';
import { TrackerAbsence } from './tracker.absence.js';

const LABEL = 'fleetseed-udp-connection-1';

/** The tracker's UDP port, when one is configured. */
@Injectable()
export class UdpTrackerService implements OnApplicationBootstrap, OnModuleDestroy {
  #door: UdpDoor | null = null;

  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly addresses: OriginAddresses,
    private readonly tracker: Tracker,
    private readonly master: MasterSecret,
    private readonly absence: TrackerAbsence,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { udpTracker, roles } = this.config;
    if (udpTracker === undefined || !roles.includes('tracker')) return;
    const { tracker, logger } = this;
    const away = this.absence.reason;
    // All replicas have the same secret, and it outlives a restart: so do the ids made with it.
    const ids = new ConnectionIds(this.master.derive(LABEL), this.clock);
    const { host, port } = listenAddressOf(udpTracker);
    try {
      const options = { host, port, logger };
      this.#door = await UdpDoor.open(new TrackerUdp({ tracker, ids, logger, away }), options);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `cannot listen on ${udpTracker}: ${reason}`;
      throw configurationError('udpTracker', message, cause);
    }
    this.addresses.udpTracker = `udp://${formatIpPort({ host, port: this.#door.port })}`;
  }

  async onModuleDestroy(): Promise<void> {
    await this.#door?.close();
  }
}
