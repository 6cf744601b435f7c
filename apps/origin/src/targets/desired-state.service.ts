import { setImmediate as nextTurn } from 'node:timers/promises';

import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import type { DesiredApp, FollowRequest } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import { CLOCK, LOGGER } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { AgentStreams } from './agent.streams.js';
import { ChannelHeads, headKey } from './channel-heads.js';
import { DesiredLists, type DesiredList } from './desired-lists.js';
import { desiredState, type Followed } from './desired-state.js';
import { TargetStates } from './target.states.js';

/** How long agents are told of something before others get their turn, ms. */
const TURN_MS = 5;

/** Keeps connected agents told of what they should have. */
@Injectable()
export class DesiredStateService implements OnModuleInit, OnModuleDestroy {
  #unsubscribe: () => void = () => undefined;
  readonly #lists = new DesiredLists();

  constructor(
    private readonly heads: ChannelHeads,
    private readonly states: TargetStates,
    private readonly streams: AgentStreams,
    private readonly events: OriginEvents,
    @Inject(CLOCK) private readonly clock: Clock,
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
    return (await this.#listOf(target)).apps;
  }

  /** Sends the list to the target's streams, if it has any and they have it not yet. */
  async push(target: string): Promise<void> {
    const { text } = await this.#listOf(target);
    this.streams.desired(target, text);
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

  async #listOf(target: string): Promise<DesiredList> {
    const { generation } = this.heads;
    const { follows } = this.states.of(target);
    const known = this.#lists.get(follows, generation);
    if (known) return known;
    const heads = await this.heads.of(follows);
    // A channel moved meanwhile, or the target follows others: an old list must not be the last told.
    const isOld =
      generation !== this.heads.generation || follows !== this.states.of(target).follows;
    if (isOld) return this.#listOf(target);
    const apps = desiredState(follows, (app, channel) => heads.get(headKey(app, channel)) ?? null);
    return this.#lists.keep(follows, generation, apps);
  }

  /** The channel has a new entry: all who follow it are told, in turns that let others in. */
  async moved(app: string, channel: string): Promise<void> {
    this.heads.forget(app, channel);
    let turnEnds = this.clock.monotonic() + TURN_MS;
    for (const target of this.streams.targets()) {
      const { follows } = this.states.of(target);
      const concerned = follows.some((each) => each.app === app && each.channel === channel);
      if (concerned) await this.push(target);
      if (this.clock.monotonic() < turnEnds) continue;
      await nextTurn();
      turnEnds = this.clock.monotonic() + TURN_MS;
    }
  }
}
