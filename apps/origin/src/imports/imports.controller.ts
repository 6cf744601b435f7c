import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';

import { AppName, PageQuery, StartImport, type Import, type Page } from '#lib/contracts';

import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { ImportsService } from './imports.service.js';

@Controller('api/v1')
@Scopes('app:push')
export class ImportsController {
  constructor(private readonly imports: ImportsService) {}

  /** Begins one, or gives the same one that is under way. */
  @Post('apps/:app/imports')
  @HttpCode(202)
  start(
    @Param('app', { schema: AppName }) app: string,
    @Body({ schema: StartImport }) request: StartImport,
    @Caller() caller: Principal,
  ): Promise<Import> {
    return this.imports.start(app, request, caller);
  }

  /** All that the caller may push to, the newest first. */
  @Get('imports')
  list(
    @Query({ schema: PageQuery }) page: PageQuery,
    @Caller() caller: Principal,
  ): Promise<Page<Import>> {
    return this.imports.list(page, caller);
  }

  @Get('apps/:app/imports')
  listOf(
    @Param('app', { schema: AppName }) app: string,
    @Query({ schema: PageQuery }) page: PageQuery,
    @Caller() caller: Principal,
  ): Promise<Page<Import>> {
    return this.imports.list(page, caller, app);
  }

  @Get('imports/:id')
  get(@Param('id') id: string, @Caller() caller: Principal): Promise<Import> {
    return this.imports.get(id, caller);
  }

  @Delete('imports/:id')
  @HttpCode(204)
  cancel(@Param('id') id: string, @Caller() caller: Principal): Promise<void> {
    return this.imports.cancel(id, caller);
  }
}
