import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { z } from 'zod';

import { LedgerRecord, type Savings, type SavingsSeries } from '#lib/contracts';

import { ArtifactAccess } from '../artifacts/artifact-access.js';
import type { Principal } from '../auth/principal.js';
import { Caller, Scopes } from '../auth/scopes.decorator.js';
import { LedgerService } from './ledger.service.js';

const LedgerRecords = z.object({ records: z.array(LedgerRecord).max(1000) });
type LedgerRecords = z.infer<typeof LedgerRecords>;
const SeriesQuery = z.object({ hours: z.coerce.number().int().min(1).max(744).default(24) });
type SeriesQuery = z.infer<typeof SeriesQuery>;

@Controller('api/v1')
export class LedgerController {
  constructor(
    private readonly ledger: LedgerService,
    private readonly artifacts: ArtifactAccess,
  ) {}

  @Get('savings')
  @Scopes('fleet:read')
  savings(): Savings {
    return this.ledger.savings();
  }

  @Get('savings/series')
  @Scopes('fleet:read')
  series(@Query({ schema: SeriesQuery }) { hours }: SeriesQuery): SavingsSeries {
    return this.ledger.series(hours);
  }

  /**
   * For pulls without an agent, which have a token and no session: of what the token may read, or
   * one app's CI could bend the account of another.
   */
  @Post('ledger/records')
  @Scopes('app:read')
  @HttpCode(200)
  async record(
    @Caller() caller: Principal,
    @Body({ schema: LedgerRecords }) { records }: LedgerRecords,
  ): Promise<{ acknowledged: number }> {
    const artifacts = new Set(records.map(({ artifact }) => artifact));
    for (const artifact of artifacts) await this.artifacts.require(caller, artifact);
    return { acknowledged: await this.ledger.record(`${caller.kind}-${caller.id}`, records) };
  }
}
