import { Controller, Get, Param, Query } from '@nestjs/common';

import {
  AppName,
  PageQuery,
  VersionName,
  type AppSummary,
  type Page,
  type Release,
} from '#lib/contracts';

import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { ReleasesService } from './releases.service.js';

@Controller('api/v1/apps')
export class ReleasesController {
  constructor(private readonly releases: ReleasesService) {}

  @Get()
  @Scopes('app:read')
  apps(
    @Caller() caller: Principal,
    @Query({ schema: PageQuery }) page: PageQuery,
  ): Promise<Page<AppSummary>> {
    return this.releases.apps(caller, page);
  }

  @Get(':app')
  @Scopes('app:read')
  app(@Param('app', { schema: AppName }) app: string): Promise<AppSummary> {
    return this.releases.app(app);
  }

  @Get(':app/releases')
  @Scopes('app:read')
  list(
    @Param('app', { schema: AppName }) app: string,
    @Query({ schema: PageQuery }) page: PageQuery,
  ): Promise<Page<Release>> {
    return this.releases.list(app, page);
  }

  @Get(':app/releases/:version')
  @Scopes('app:read')
  get(
    @Param('app', { schema: AppName }) app: string,
    @Param('version', { schema: VersionName }) version: string,
  ): Promise<Release> {
    return this.releases.get(app, version);
  }
}
