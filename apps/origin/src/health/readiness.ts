import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { IDENTITY_KEY, type Depot } from '#lib/depot';

import { ShutdownSignal } from '../config/shutdown-signal.js';
import { DEPOT, OPENED_DEPOT } from '../depot/depot.tokens.js';
import type { OpenedDepot } from '../depot/open-depot.js';

@Injectable()
export class Readiness {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    @Inject(OPENED_DEPOT) private readonly opened: OpenedDepot,
    private readonly shutdown: ShutdownSignal,
  ) {}

  /** @throws SHUTTING_DOWN, CONFIG_INVALID when a replica has other settings, or whatever keeps the depot from being read */
  async check(): Promise<{ status: 'ready' }> {
    if (this.shutdown.isLeaving) {
      throw new FleetseedError('SHUTTING_DOWN', 'The origin is ending.');
    }
    const conflict = this.opened.guard?.conflict;
    if (conflict) throw conflict;
    const identity = await this.depot.readDocument(IDENTITY_KEY);
    if (!identity) throw new FleetseedError('DEPOT_CORRUPT', 'depot.json is gone.');
    return { status: 'ready' };
  }
}
