import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { sideBySide, systemRandom, type Clock, type Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { lookAgain } from '../replicas/look-again.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ChannelHeads, headKey } from './channel-heads.js';
import { DesiredStateService } from './desired-state.service.js';

const HEARD_MS = 60_000;
/** While other replicas are not heard this is how late an agent may hear of a move, ms. */
const UNHEARD_MS = 3000;
const LOOKS_AT_ONCE = 8;

/**
 * Looks at the channels that connected agents follow, for moves that another replica made and that
 * were not heard of: a small listing a channel.
 */
@Injectable()
export class HeadWatch implements OnApplicationBootstrap, OnModuleDestroy {
  #end: () => Promise<void> = async () => undefined;

  constructor(
    private readonly heads: ChannelHeads,
    private readonly desired: DesiredStateService,
    private readonly post: ReplicaPost,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#end = lookAgain((signal) => this.#look(signal), {
      post: this.post,
      clock: this.clock,
      random: systemRandom,
      heardMs: HEARD_MS,
      unheardMs: UNHEARD_MS,
      onError: (error) => this.logger.warn('channels not looked at', { error }),
    });
  }

  onModuleDestroy(): Promise<void> {
    return this.#end();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const followed = this.desired.followedHere();
    this.heads.retain(new Set(followed.map(({ app, channel }) => headKey(app, channel))));
    await sideBySide(followed, LOOKS_AT_ONCE, async ({ app, channel }) => {
      if (signal.aborted || !(await this.heads.look(app, channel))) return;
      await this.desired.moved(app, channel);
    });
  }
}
