import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  Req,
  Sse,
  SseSignal,
  type MessageEvent,
} from '@nestjs/common';
import type { Request } from 'express';
import { from, mergeMap, type Observable } from 'rxjs';
import { z } from 'zod';

import {
  AppName,
  ChannelName,
  StartUpload,
  VersionName,
  type PartUrl,
  type Upload,
} from '#lib/contracts';

import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { ContentUploads } from './content-uploads.js';
import { UploadsService } from './uploads.service.js';

const PartNumber = z.coerce.number().int().min(0).max(9999);
const ContentQuery = z.object({
  name: z.string().min(1).max(255).optional(),
  channel: ChannelName.optional(),
});
type ContentQuery = z.output<typeof ContentQuery>;

@Controller('api/v1')
@Scopes('app:push')
export class UploadsController {
  constructor(
    private readonly uploads: UploadsService,
    private readonly contents: ContentUploads,
  ) {}

  @Post('apps/:app/uploads')
  @HttpCode(200)
  start(
    @Param('app', { schema: AppName }) app: string,
    @Body({ schema: StartUpload }) request: StartUpload,
    @Caller() caller: Principal,
  ): Promise<Upload> {
    return this.uploads.start(app, request, caller);
  }

  @Get('uploads/:id')
  get(@Param('id') id: string, @Caller() caller: Principal): Promise<Upload> {
    return this.uploads.get(id, caller);
  }

  @Put('uploads/:id/objects/:object/parts/:part')
  receive(
    @Param('id') id: string,
    @Param('object') object: string,
    @Param('part', { schema: PartNumber }) part: number,
    @Req() request: Request,
    @Caller() caller: Principal,
  ): Promise<{ received: true }> {
    return this.uploads.receive(id, { object, part }, request, caller);
  }

  @Get('uploads/:id/objects/:object/parts/:part/url')
  url(
    @Param('id') id: string,
    @Param('object') object: string,
    @Param('part', { schema: PartNumber }) part: number,
    @Caller() caller: Principal,
  ): Promise<PartUrl> {
    return this.uploads.url(id, { object, part }, caller);
  }

  @Post('uploads/:id/complete')
  @HttpCode(200)
  complete(@Param('id') id: string, @Caller() caller: Principal): Promise<Upload> {
    return this.uploads.complete(id, caller);
  }

  @Sse('uploads/:id/events')
  events(
    @Param('id') id: string,
    @Caller() caller: Principal,
    @SseSignal() signal: AbortSignal,
  ): Observable<MessageEvent> {
    return from(this.uploads.follow(id, caller, signal)).pipe(mergeMap((events) => from(events)));
  }

  @Delete('uploads/:id')
  @HttpCode(204)
  drop(@Param('id') id: string, @Caller() caller: Principal): Promise<void> {
    return this.uploads.drop(id, caller);
  }

  /** One file in one request, as `curl -T` sends it. */
  @Put('apps/:app/releases/:version/content')
  content(
    @Param('app', { schema: AppName }) app: string,
    @Param('version', { schema: VersionName }) version: string,
    @Query({ schema: ContentQuery }) { name, channel }: ContentQuery,
    @Req() request: Request,
    @Caller() caller: Principal,
  ): Promise<Response> {
    return this.contents.receive({ app, version, name: name ?? app, channel }, request, caller);
  }
}
