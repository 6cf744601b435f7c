import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';

import { AppName, ChannelName, Hex32, VersionName } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import { ChannelStore } from '../channels/channel-store.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { OriginEvents } from './origin-events.js';
import { ToldLately } from './told-lately.js';

const Published = replicaTopic('published', z.object({ app: AppName, version: VersionName }));
const Moved = replicaTopic('moved', z.object({ app: AppName, channel: ChannelName }));
const Removed = replicaTopic('removed', z.object({ artifact: Hex32 }));
const Wanted = replicaTopic('wanted', z.object({ artifact: Hex32 }));

/** A whole fleet asks for the same: others hear of it once in so long, ms. */
const WANTED_AGAIN_MS = 5000;

/**
 * Brings what happens at one replica to the others. What is heard says where to look: the event that
 * is told here is made of what the depot has.
 */
@Injectable()
export class FleetNews implements OnModuleInit, OnModuleDestroy {
  readonly #wanted = new ToldLately(WANTED_AGAIN_MS);
  #ends: (() => void)[] = [];

  constructor(
    private readonly post: ReplicaPost,
    private readonly events: OriginEvents,
    private readonly catalog: ReleaseCatalog,
    private readonly channels: ChannelStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const { post, events } = this;
    this.#ends = [
      events.onOwn('releasePublished', ({ app, version }) =>
        post.tell(Published, { app, version }),
      ),
      events.onOwn('channelMoved', ({ app, channel }) => post.tell(Moved, { app, channel })),
      events.onOwn('artifactRemoved', (artifact) => post.tell(Removed, { artifact })),
      events.onOwn('artifactWanted', (artifact) => this.wanted(artifact)),
      post.hear(Published, (heard) => this.#look('published', heard, () => this.#published(heard))),
      post.hear(Moved, (heard) => this.#look('moved', heard, () => this.#moved(heard))),
      post.hear(Removed, (heard) => this.#look('removed', heard, () => this.#removed(heard))),
      post.hear(Wanted, ({ artifact }) => events.relay('artifactWanted', artifact)),
    ];
  }

  onModuleDestroy(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** Somebody is about to come for the artifact, to whichever replica: others get ready too. */
  wanted(artifact: string): void {
    if (this.#wanted.isNews(artifact, this.clock.monotonic())) this.post.tell(Wanted, { artifact });
  }

  async #published({ app, version }: { app: string; version: string }): Promise<void> {
    const release = await this.catalog.find(app, version);
    if (release) this.events.relay('releasePublished', release);
  }

  async #moved({ app, channel }: { app: string; channel: string }): Promise<void> {
    const state = await this.channels.newest(app, channel);
    if (state) this.events.relay('channelMoved', state);
  }

  async #removed({ artifact }: { artifact: string }): Promise<void> {
    if (!(await this.catalog.isNeeded(artifact))) this.events.relay('artifactRemoved', artifact);
  }

  #look(what: string, facts: object, look: () => Promise<void>): void {
    look().catch((error: unknown) =>
      this.logger.warn('news of another replica not looked at', { what, ...facts, error }),
    );
  }
}
