import { Inject, Injectable } from '@nestjs/common';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { ORIGIN_CONFIG } from '../config/start-context.js';

/** Why clients of the tracker are to come back later, to another replica most likely. */
@Injectable()
export class TrackerAbsence {
  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    private readonly shutdown: ShutdownSignal,
  ) {}

  /** Null while they are answered here. */
  readonly reason = (): string | null => {
    if (!this.config.roles.includes('tracker')) {
      return 'This replica is no tracker: ask another one. (ROLE_NOT_HERE)';
    }
    if (this.shutdown.isLeaving) {
      return 'This replica is ending: come back to another one. (SHUTTING_DOWN)';
    }
    return null;
  };
}
