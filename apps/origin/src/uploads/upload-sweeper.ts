import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { repeat, type Clock, type Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { UploadStore } from './upload-store.js';

const LONGEST_PAUSE_MS = 600_000;

/** Removes uploads that expired, and what interrupted starts left without a record. */
@Injectable()
export class UploadSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  /** Folders without a record at the last look: an upload being begun is one for a moment only. */
  #orphans = new Set<string>();
  #stop: () => void = () => undefined;
  #ended = false;

  constructor(
    private readonly store: UploadStore,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('work')) return;
    const { clock, logger } = this;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.config.uploadExpirySeconds * 250);
    const onError = (error: unknown) => logger.error('uploads not swept', { error });
    this.#stop = repeat(() => this.sweep(), { clock, pauseMs, onError });
  }

  onModuleDestroy(): void {
    this.#ended = true;
    this.#stop();
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
}
