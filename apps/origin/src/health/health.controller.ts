import { Controller, Get } from '@nestjs/common';

import { Public } from '../auth/scopes.decorator.js';
import { Readiness } from './readiness.js';

@Controller()
export class HealthController {
  constructor(private readonly readiness: Readiness) {}

  /** The process runs and answers. */
  @Get('healthz')
  @Public()
  alive(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** It can do its work: not ending, and the depot answers. */
  @Get('readyz')
  @Public()
  ready(): Promise<{ status: 'ready' }> {
    return this.readiness.check();
  }
}
