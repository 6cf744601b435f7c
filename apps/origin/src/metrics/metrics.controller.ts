import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import type { Registry } from 'prom-client';

import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { Public } from '../auth/scopes.decorator.js';
import { admit } from '../auth/scopes.guard.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { ORIGIN_CONFIG } from '../config/start-context.js';
import { METRICS } from './metrics.tokens.js';

@Controller()
export class MetricsController {
  constructor(
    @Inject(METRICS) private readonly registry: Registry,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
  ) {}

  /** Open to everybody only by configuration; else to callers with `fleet:read`. */
  @Get('metrics')
  @Public()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(@Req() request: AuthenticatedRequest): Promise<string> {
    if (this.config.metricsAccess !== 'open') admit(request.caller, ['fleet:read'], undefined);
    return this.registry.metrics();
  }
}
