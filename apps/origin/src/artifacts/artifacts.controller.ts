import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import { z } from 'zod';

import { AppName, HandedOutFormat, Hex32, VersionName, type SwarmTicket } from '#lib/contracts';

import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { ArtifactsService } from './artifacts.service.js';

const TorrentQuery = z.object({
  webSeed: z
    .enum(['0', '1'])
    .default('0')
    .transform((text) => text === '1'),
  format: HandedOutFormat.optional(),
});
type TorrentQuery = z.output<typeof TorrentQuery>;

@Controller('api/v1')
@Scopes('app:read')
export class ArtifactsController {
  constructor(private readonly artifacts: ArtifactsService) {}

  @Get('artifacts/:hash/metainfo')
  metainfo(
    @Param('hash', { schema: Hex32 }) hash: string,
    @Caller() caller: Principal,
  ): Promise<Response> {
    return this.artifacts.metainfo(hash, caller);
  }

  @Get('artifacts/:hash/ticket')
  ticket(
    @Param('hash', { schema: Hex32 }) hash: string,
    @Caller() caller: Principal,
    @Req() request: Request,
  ): Promise<SwarmTicket> {
    return this.artifacts.ticket(hash, caller, request);
  }

  @Get('apps/:app/releases/:version/torrent')
  torrent(
    @Param('app', { schema: AppName }) app: string,
    @Param('version', { schema: VersionName }) version: string,
    @Query({ schema: TorrentQuery }) query: TorrentQuery,
    @Caller() caller: Principal,
    @Req() request: Request,
  ): Promise<Response> {
    return this.artifacts.torrent({ app, version }, query, caller, request);
  }
}
