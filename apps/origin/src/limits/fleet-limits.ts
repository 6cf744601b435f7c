import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';

import type { OriginLimitsChange } from '#lib/contracts';
import { DocumentStore, type Depot } from '#lib/depot';
import { systemRandom, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { DEPOT } from '../depot/depot.tokens.js';
import { lookAgain } from '../replicas/look-again.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { changedLimits, LimitsDocument, NOTHING_SET } from './limits.document.js';

const LimitsChanged = replicaTopic('limits-changed', z.object({}));

const KEY = 'settings/limits.json';
/** One small read each: others are heard, or they are not, ms. */
const HEARD_MS = 60_000;
const UNHEARD_MS = 5000;

/**
 * The limits that were set for all replicas: a document in the depot, and a copy of it at hand. Every
 * replica holds to them from its first moment on, and hears of a change, or finds it when it looks.
 */
@Injectable()
export class FleetLimits implements OnModuleInit, OnModuleDestroy {
  readonly #documents: DocumentStore<LimitsDocument>;
  readonly #listeners = new Set<() => void>();
  #current = NOTHING_SET;
  #endHearing: () => void = () => undefined;
  #endLooking: () => Promise<void> = async () => undefined;

  constructor(
    @Inject(DEPOT) depot: Depot,
    private readonly post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#documents = new DocumentStore(depot, LimitsDocument, 1);
  }

  get current(): LimitsDocument {
    return this.#current;
  }

  /** Tells that {@link current} is another one. @returns what ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async onModuleInit(): Promise<void> {
    const { post, clock } = this;
    const onError = (error: unknown) => this.logger.warn('limits not looked at', { error });
    this.#endHearing = post.hear(LimitsChanged, () => void this.#look().catch(onError));
    await this.#look();
    const pace = { heardMs: HEARD_MS, unheardMs: UNHEARD_MS, random: systemRandom };
    this.#endLooking = lookAgain(() => this.#look(), { post, clock, onError, ...pace });
  }

  async onModuleDestroy(): Promise<void> {
    this.#endHearing();
    await this.#endLooking();
  }

  /** Resolves when it is durable and holds here. @throws REQUEST_INVALID; what the depot says */
  async change(change: OriginLimitsChange): Promise<void> {
    const written = await this.#documents.update(KEY, (before) =>
      changedLimits(before ?? NOTHING_SET, change),
    );
    this.#note(written);
    this.post.tell(LimitsChanged, {});
    this.logger.info('limits changed', { ...change });
  }

  async #look(): Promise<void> {
    this.#note((await this.#documents.read(KEY))?.value ?? null);
  }

  /** Readings may end in another order than they began. */
  #note(found: LimitsDocument | null): void {
    if (!found || found.revision <= this.#current.revision) return;
    this.#current = found;
    for (const listener of this.#listeners) listener();
  }
}
