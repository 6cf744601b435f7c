import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { z } from 'zod';

import { TargetId } from '#lib/contracts';
import { systemRandom, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { lookAgain } from '../replicas/look-again.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { Presence } from './presence.js';
import { TargetRegistry } from './target.registry.js';
import { TargetStates } from './target.states.js';

const TargetChanged = replicaTopic('target-changed', z.object({ target: TargetId }));

const HEARD_MS = 300_000;
/** For so long a target that another replica removed may yet speak here while nobody is heard, ms. */
const UNHEARD_MS = 15_000;

/** Targets that join, change or are removed at one replica do so at all. */
@Injectable()
export class TargetNews implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #ends: (() => void)[] = [];
  #endLooking: () => Promise<void> = async () => undefined;

  constructor(
    @Inject(TargetRegistry) private readonly registry: TargetRegistry,
    private readonly presence: Presence,
    private readonly states: TargetStates,
    private readonly post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const { registry, post, clock } = this;
    const onError = (error: unknown) => this.logger.warn('targets not looked at', { error });
    this.#ends.push(
      registry.onGone((target) => {
        this.presence.forget(target);
        this.states.forget(target);
      }),
      registry.onChange((target) => post.tell(TargetChanged, { target })),
      post.hear(TargetChanged, ({ target }) => void registry.read(target).catch(onError)),
    );
    const pace = { heardMs: HEARD_MS, unheardMs: UNHEARD_MS, random: systemRandom };
    this.#endLooking = lookAgain(() => registry.look(), { post, clock, onError, ...pace });
  }

  async onModuleDestroy(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await this.#endLooking();
  }
}
