import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import type { Clock, Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { UploadStore } from './upload-store.js';

const LONGEST_PAUSE_MS = 600_000;

/** Removes uploads that expired, and what interrupted starts left without a record. */
@Injectable()
export class UploadSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  /** Folders without a record at the last look: an upload being begun is one for a moment only. */
  #orphans = new Set<string>();
  #cancel: () => void = () => undefined;
  #ended = false;

  constructor(
    private readonly store: UploadStore,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#schedule();
  }

  onModuleDestroy(): void {
    this.#ended = true;
    this.#cancel();
  }

  /** One look at all uploads. */
  async sweep(): Promise<void> {
    const orphans = new Set<string>();
    for (const id of await this.store.ids()) {
      if (this.#ended) return;
      const record = await this.store.find(id);
      if (record) {
        const expired = record.expiresAt <= this.clock.now() && record.state !== 'publishing';
        if (expired) await this.store.remove(id, { keepRecord: false });
      } else if (this.#orphans.has(id)) await this.store.remove(id, { keepRecord: false });
      else orphans.add(id);
    }
    this.#orphans = orphans;
  }

  #schedule(): void {
    const pause = Math.min(LONGEST_PAUSE_MS, this.config.uploadExpirySeconds * 250);
    this.#cancel = this.clock.setTimer(pause, () => {
      this.sweep()
        .catch((error: unknown) => this.logger.error('uploads not swept', { error }))
        .finally(() => {
          if (!this.#ended) this.#schedule();
        });
    });
  }
}
