import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { IDENTITY_KEY, type Depot } from '#lib/depot';

import { ShutdownSignal } from '../config/shutdown-signal.js';
import { DEPOT } from '../depot/depot.tokens.js';

@Injectable()
export class Readiness {
  constructor(
    @Inject(DEPOT) private readonly depot: Depot,
    private readonly shutdown: ShutdownSignal,
  ) {}

  /** @throws SHUTTING_DOWN, or whatever keeps the depot from being read */
  async check(): Promise<{ status: 'ready' }> {
    if (this.shutdown.isLeaving) {
      throw new FleetseedError('SHUTTING_DOWN', 'The origin is ending.');
    }
    const identity = await this.depot.readDocument(IDENTITY_KEY);
    if (!identity) throw new FleetseedError('DEPOT_CORRUPT', 'depot.json is gone.');
    return { status: 'ready' };
  }
}
