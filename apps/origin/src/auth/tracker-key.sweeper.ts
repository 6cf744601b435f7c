import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { repeat, type Clock, type Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { TokenStore } from './token-store.js';

const PAUSE_MS = 3_600_000;
const PAGE = 1000;

/**
 * Removes the documents of tracker keys that have ended: every `.torrent` that is handed out makes one.
 * Tokens that people made stay, so that who uses one hears that it has expired.
 */
@Injectable()
export class TrackerKeySweeper implements OnApplicationBootstrap, OnModuleDestroy {
  #stop: () => void = () => undefined;

  constructor(
    private readonly tokens: TokenStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ORIGIN_CONFIG) private readonly config: Pick<OriginConfig, 'roles'>,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.config.roles.includes('work')) return;
    const { clock, logger } = this;
    const onError = (error: unknown) => logger.error('tracker keys not swept', { error });
    this.#stop = repeat(() => this.sweep(), { clock, pauseMs: PAUSE_MS, onError });
  }

  onModuleDestroy(): void {
    this.#stop();
  }

  async sweep(): Promise<void> {
    let after: string | undefined;
    do {
      const { ids, more } = await this.tokens.page(after, PAGE);
      for (const id of ids) await this.#dropIfEnded(id);
      after = more ? ids.at(-1) : undefined;
    } while (after !== undefined);
  }

  async #dropIfEnded(id: string): Promise<void> {
    const document = await this.tokens.find(id);
    const end = document?.kind === 'tracker' ? document.expiresAt : null;
    if (end !== null && end <= this.clock.now()) await this.tokens.delete(id);
  }
}
