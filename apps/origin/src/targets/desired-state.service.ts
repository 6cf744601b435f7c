import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { DesiredApp, FollowRequest } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import { LOGGER } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { AgentStreams } from './agent.streams.js';
import { ChannelHeads, headKey } from './channel-heads.js';
import { desiredState, type Followed } from './desired-state.js';
import { TargetStates } from './target.states.js';

/** Keeps connected agents told of what they should have. */
@Injectable()
export class DesiredStateService implements OnModuleInit, OnModuleDestroy {
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly heads: ChannelHeads,
    private readonly states: TargetStates,
    private readonly streams: AgentStreams,
    private readonly events: OriginEvents,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onModuleInit(): void {
    const ends = [
      this.events.on('channelMoved', ({ app, channel }) => {
        this.moved(app, channel).catch((error: unknown) =>
          this.logger.error('move of a channel not told', { app, channel, error }),
        );
      }),
      this.states.onHeard((target, part) => {
        if (part === 'follows') this.#followsHeard(target);
      }),
    ];
    this.#unsubscribe = () => ends.forEach((end) => end());
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** Replaces what a target follows. @returns what it should have of it. */
  async follow(target: string, request: FollowRequest): Promise<DesiredApp[]> {
    this.states.follow(target, request);
    await this.push(target);
    return this.of(target);
  }

  async of(target: string): Promise<DesiredApp[]> {
    const { generation } = this.heads;
    const { follows } = this.states.of(target);
    const heads = await this.heads.of(follows);
    // A channel moved meanwhile, or the target follows others: an old list must not be the last told.
    const isOld =
      generation !== this.heads.generation || follows !== this.states.of(target).follows;
    if (isOld) return this.of(target);
    return desiredState(follows, (app, channel) => heads.get(headKey(app, channel)) ?? null);
  }

  /** Sends the list to the target's streams, if it has any and they have it not yet. */
  async push(target: string): Promise<void> {
    this.streams.desired(target, await this.of(target));
  }

  /** The target said at another replica that it follows something else than before. */
  #followsHeard(target: string): void {
    if (!this.streams.has(target)) return;
    this.push(target).catch((error: unknown) =>
      this.logger.error('desired state not sent', { target, error }),
    );
  }

  /** What the agents that are connected here follow, each once. */
  followedHere(): Followed[] {
    const followed = new Map<string, Followed>();
    for (const target of this.streams.targets()) {
      for (const each of this.states.of(target).follows) {
        followed.set(headKey(each.app, each.channel), each);
      }
    }
    return [...followed.values()];
  }

  /** The channel has a new entry: those who follow it are told. */
  async moved(app: string, channel: string): Promise<void> {
    this.heads.forget(app, channel);
    for (const target of this.streams.targets()) {
      const { follows } = this.states.of(target);
      const concerned = follows.some((each) => each.app === app && each.channel === channel);
      if (concerned) await this.push(target);
    }
  }
}
