import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';

import { AppName, StartImport, type Import } from '#lib/contracts';

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
