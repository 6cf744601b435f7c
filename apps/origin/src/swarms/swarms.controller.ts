import { Controller, Get, Param, Query, Sse, type MessageEvent } from '@nestjs/common';
import type { Observable } from 'rxjs';

import { Hex32, PageQuery, type Page, type SwarmSummary } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { SwarmsService } from './swarms.service.js';

@Controller('api/v1/swarms')
@Scopes('fleet:read')
export class SwarmsController {
  constructor(private readonly swarms: SwarmsService) {}

  @Get()
  list(@Query({ schema: PageQuery }) page: PageQuery): Promise<Page<SwarmSummary>> {
    return this.swarms.list(page);
  }

  @Get(':hash')
  get(@Param('hash', { schema: Hex32 }) hash: string): Promise<SwarmSummary> {
    return this.swarms.get(hash);
  }

  @Sse(':hash/live', { maxPendingDataLength: 4 * 1024 * 1024 })
  live(@Param('hash', { schema: Hex32 }) hash: string): Promise<Observable<MessageEvent>> {
    return this.swarms.live(hash);
  }
}
