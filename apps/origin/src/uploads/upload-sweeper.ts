import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { repeat, type Clock, type Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { ImportStore } from '../imports/import-store.js';
import { UploadStore } from './upload-store.js';

const LONGEST_PAUSE_MS = 600_000;

/** Removes uploads and imports that expired, and what interrupted starts left without a record. */
@Injectable()
export class UploadSweeper implements OnApplicationBootstrap, OnModuleDestroy {
  /** Folders without a record at the last look: an upload being begun is one for a moment only. */
  #orphans = new Set<string>();
  #stop: () => void = () => undefined;
  #ended = false;

  constructor(
    private readonly store: UploadStore,
    private readonly imports: ImportStore,
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

  /** One look at all uploads, and at imports that have ended. */
  async sweep(): Promise<void> {
    await this.#sweepImports();
    const orphans = new Set<string>();
    for (const id of await this.store.ids()) {
      if (this.#ended) return;
      const record = await this.store.find(id).catch((error: unknown) => {
        this.logger.error('upload not readable', { upload: id, error });
        return 'unreadable' as const;
      });
      if (record === 'unreadable') continue;
      if (record) {
        const expired = record.expiresAt <= this.clock.now() && record.state !== 'publishing';
        if (expired && !(await this.#isImporting(id))) {
          await this.store.remove(id, { keepRecord: false });
        }
      } else if (await this.imports.find(id)) continue;
      else if (this.#orphans.has(id)) await this.store.remove(id, { keepRecord: false });
      else orphans.add(id);
    }
    this.#orphans = orphans;
  }

  /** What one gathers has no record of an upload before it is whole. */
  async #isImporting(id: string): Promise<boolean> {
    return (await this.imports.find(id))?.state === 'open';
  }

  /** Those that ended long ago are forgotten, and what they had gathered goes with them. */
  async #sweepImports(): Promise<void> {
    const expiryMs = this.config.uploadExpirySeconds * 1000;
    for await (const { import: id, finishedAt, gathering } of this.imports.all()) {
      if (this.#ended) return;
      if (finishedAt === null || finishedAt + expiryMs > this.clock.now()) continue;
      if (gathering) await this.store.abort(gathering.parted);
      await this.store.remove(id, { keepRecord: false });
      await this.imports.remove(id);
    }
  }
}
