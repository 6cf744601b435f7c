import { Body, Controller, Get, Patch } from '@nestjs/common';

import { LimitsChange, type LimitsState } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { SeederService } from './seeder.service.js';

/** How fast this process seeds to peers; what is set here holds until it restarts. */
@Controller('api/v1/limits')
export class LimitsController {
  constructor(private readonly seeder: SeederService) {}

  @Get()
  @Scopes('fleet:read')
  get(): LimitsState {
    return this.seeder.limits();
  }

  @Patch()
  @Scopes('admin')
  change(@Body({ schema: LimitsChange }) change: LimitsChange): Promise<LimitsState> {
    return this.seeder.limit(change);
  }
}
