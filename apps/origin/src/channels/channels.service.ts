import { Inject, Injectable } from '@nestjs/common';

import {
  FleetseedError,
  type ChannelState,
  type MoveChannel,
  type Page,
  type PageQuery,
} from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';

import type { Principal } from '../auth/principal.js';
import { CLOCK, LOGGER } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { ReleasesService } from '../releases/releases.service.js';
import { nextState } from './channel-move.js';
import { ChannelStore } from './channel-store.js';

/** Channels as the API shows and moves them. */
@Injectable()
export class ChannelsService {
  constructor(
    private readonly channels: ChannelStore,
    private readonly releases: ReleasesService,
    private readonly events: OriginEvents,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async list(app: string): Promise<Page<ChannelState>> {
    return { items: await this.channels.list(app), next: null };
  }

  /** @throws CHANNEL_NOT_FOUND */
  async get(app: string, channel: string): Promise<ChannelState> {
    const newest = await this.channels.newest(app, channel);
    if (newest) return newest;
    throw new FleetseedError('CHANNEL_NOT_FOUND', `${app} has no channel ${channel}.`, {
      app,
      channel,
    });
  }

  /** Newest first; pages go on below the sequence that `after` names. */
  async history(app: string, channel: string, page: PageQuery): Promise<Page<ChannelState>> {
    await this.get(app, channel);
    const before = Number.parseInt(page.after ?? '', 10);
    const items = await this.channels.history(
      app,
      channel,
      page.limit,
      Number.isInteger(before) ? before : undefined,
    );
    const last = items.at(-1)?.sequence ?? 1;
    return { items, next: last > 1 ? String(last) : null };
  }

  /** @throws VERSION_NOT_FOUND, APP_NOT_FOUND, PRECONDITION_FAILED */
  async move(
    app: string,
    channel: string,
    { version, expectedSequence }: MoveChannel,
    caller: Pick<Principal, 'name'>,
  ): Promise<ChannelState> {
    const release = await this.releases.get(app, version);
    const at = this.clock.now();
    const move = { release, channel, expectedSequence, by: caller.name, at };
    const moved = await this.channels.update(app, channel, (newest) => nextState(newest, move));
    // Retired while the channel was moved: whoever retires looks at channels after that, so one of us sees it.
    if (moved && (await this.releases.takeBack(release))) {
      this.logger.info('a retired release was taken back', { app, version });
    }
    if (moved) this.events.emit('channelMoved', moved);
    return moved ?? this.get(app, channel);
  }
}
