import type { Depot } from '#lib/depot';
import type { Clock, Logger } from '#lib/runtime';

import type { OriginConfig } from './origin-config.schema.js';

/** Injection tokens of what is decided before the application is built. */
export const ORIGIN_CONFIG = Symbol('OriginConfig');
export const CLOCK = Symbol('Clock');
export const LOGGER = Symbol('Logger');
export const GIVEN_DEPOT = Symbol('GivenDepot');

export interface StartContext {
  readonly config: OriginConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Instead of the one that is configured. */
  readonly depot?: Depot;
}
