import { Module, type OnApplicationShutdown } from '@nestjs/common';

import { ReaderPool } from '#lib/depot';

import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DepotModule } from '../depot/depot.module.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { ContentCache } from './content-cache.js';
import { CONTENT_READS } from './content-cache.tokens.js';

/** Content of artifacts as it is read for peers and for the web seed. */
@Module({
  imports: [DepotModule],
  providers: [
    {
      provide: ContentCache,
      useFactory: (...parts: Parameters<typeof ContentCache.open>) => ContentCache.open(...parts),
      inject: [ORIGIN_CONFIG, DEPOT, ReaderPool, CLOCK, LOGGER],
    },
    {
      provide: CONTENT_READS,
      useFactory: (cache: ContentCache) => cache.reads,
      inject: [ContentCache],
    },
  ],
  exports: [ContentCache, CONTENT_READS],
})
export class ContentCacheModule implements OnApplicationShutdown {
  constructor(private readonly cache: ContentCache) {}

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close();
  }
}
