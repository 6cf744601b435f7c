import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';

import {
  AppName,
  ChannelName,
  MoveChannel,
  PageQuery,
  type ChannelState,
  type Page,
} from '#lib/contracts';

import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { ChannelsService } from './channels.service.js';

@Controller('api/v1/apps/:app/channels')
export class ChannelsController {
  constructor(private readonly channels: ChannelsService) {}

  @Get()
  @Scopes('app:read')
  list(@Param('app', { schema: AppName }) app: string): Promise<Page<ChannelState>> {
    return this.channels.list(app);
  }

  @Get(':channel')
  @Scopes('app:read', 'app:release')
  get(
    @Param('app', { schema: AppName }) app: string,
    @Param('channel', { schema: ChannelName }) channel: string,
  ): Promise<ChannelState> {
    return this.channels.get(app, channel);
  }

  @Get(':channel/history')
  @Scopes('app:read')
  history(
    @Param('app', { schema: AppName }) app: string,
    @Param('channel', { schema: ChannelName }) channel: string,
    @Query({ schema: PageQuery }) page: PageQuery,
  ): Promise<Page<ChannelState>> {
    return this.channels.history(app, channel, page);
  }

  @Put(':channel')
  @Scopes('app:release')
  move(
    @Param('app', { schema: AppName }) app: string,
    @Param('channel', { schema: ChannelName }) channel: string,
    @Body({ schema: MoveChannel }) request: MoveChannel,
    @Caller() caller: Principal,
  ): Promise<ChannelState> {
    return this.channels.move(app, channel, request, caller);
  }
}
