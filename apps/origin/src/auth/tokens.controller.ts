import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';

import {
  CreateJoinToken,
  CreateToken,
  PageQuery,
  type CreatedToken,
  type Page,
  type TokenSummary,
} from '#lib/contracts';

import { Scopes } from './scopes.decorator.js';
import { TokenRegistry } from './token-registry.js';

@Controller('api/v1')
@Scopes('admin')
export class TokensController {
  constructor(private readonly registry: TokenRegistry) {}

  @Post('tokens')
  create(@Body({ schema: CreateToken }) request: CreateToken): Promise<CreatedToken> {
    return this.registry.create(request);
  }

  @Get('tokens')
  list(@Query({ schema: PageQuery }) query: PageQuery): Promise<Page<TokenSummary>> {
    return this.registry.list(query);
  }

  @Delete('tokens/:id')
  @HttpCode(204)
  revoke(@Param('id') id: string): Promise<void> {
    return this.registry.revoke(id);
  }

  @Post('join-tokens')
  createJoin(@Body({ schema: CreateJoinToken }) request: CreateJoinToken): Promise<CreatedToken> {
    return this.registry.createJoin(request);
  }
}
