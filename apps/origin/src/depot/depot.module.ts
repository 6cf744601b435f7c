import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';

import { ArtifactStore, BlobStore, ReaderPool, type Depot } from '#lib/depot';
import { openFilesShare } from '#lib/runtime';

import { CLOCK, GIVEN_DEPOT, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { DEPOT, OPENED_DEPOT } from './depot.tokens.js';
import { MasterSecret } from './master-secret.js';
import { openDepot, type OpenedDepot } from './open-depot.js';
import { S3Requests } from './s3-requests.js';

/** Objects that are kept open for reading, and the descriptors they may have. */
const READERS = 256;
const READERS_SHARE = 0.2;

/** The truth, opened once: the depot, and what is kept in it for everybody. */
@Module({
  providers: [
    {
      provide: OPENED_DEPOT,
      useFactory: openDepot,
      inject: [ORIGIN_CONFIG, CLOCK, LOGGER, GIVEN_DEPOT, S3Requests],
    },
    { provide: S3Requests, useFactory: () => new S3Requests() },
    {
      provide: DEPOT,
      useFactory: ({ depot }: OpenedDepot) => depot,
      inject: [OPENED_DEPOT],
    },
    {
      provide: MasterSecret,
      useFactory: (depot: Depot) => MasterSecret.open(depot),
      inject: [DEPOT],
    },
    {
      provide: ReaderPool,
      useFactory: (depot: Depot) => new ReaderPool(depot, openFilesShare(READERS_SHARE, READERS)),
      inject: [DEPOT],
    },
    ...[ArtifactStore, BlobStore].map((store) => ({
      provide: store,
      useFactory: (depot: Depot) => new store(depot),
      inject: [DEPOT],
    })),
  ],
  exports: [DEPOT, OPENED_DEPOT, MasterSecret, ArtifactStore, BlobStore, ReaderPool, S3Requests],
})
export class DepotModule implements OnApplicationShutdown {
  constructor(
    @Inject(OPENED_DEPOT) private readonly opened: OpenedDepot,
    private readonly readers: ReaderPool,
  ) {}

  /** The last thing that ends: whatever was under way has returned or is cut off here. */
  async onApplicationShutdown(): Promise<void> {
    await this.readers.close();
    await this.opened.guard?.close();
    await this.opened.depot.close();
  }
}
