import { Module, type DynamicModule } from '@nestjs/common';

import { OriginAddresses } from './origin-addresses.js';
import { PublicUrl } from './public-url.js';
import { ShutdownSignal } from './shutdown-signal.js';
import { CLOCK, GIVEN_DEPOT, LOGGER, ORIGIN_CONFIG, type StartContext } from './start-context.js';

/**
 * What every part of the origin starts from: configuration, clock, log, addresses and the signal
 * that it is ending. The only global module; everything else is imported where it is used.
 */
@Module({})
export class ConfigModule {
  static of(context: StartContext): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [
        { provide: ORIGIN_CONFIG, useValue: context.config },
        { provide: CLOCK, useValue: context.clock },
        { provide: LOGGER, useValue: context.logger },
        { provide: GIVEN_DEPOT, useValue: context.depot ?? null },
        OriginAddresses,
        PublicUrl,
        ShutdownSignal,
      ],
      exports: [
        ORIGIN_CONFIG,
        CLOCK,
        LOGGER,
        GIVEN_DEPOT,
        OriginAddresses,
        PublicUrl,
        ShutdownSignal,
      ],
    };
  }
}
