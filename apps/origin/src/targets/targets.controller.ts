import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { z } from 'zod';

import { PageQuery, TargetId, type Page, type Target } from '#lib/contracts';

import { Scopes } from '../auth/scopes.decorator.js';
import { AgentSessionsService } from './agent-sessions.service.js';
import { TargetsService } from './targets.service.js';

const LabelSelector = z
  .string()
  .regex(/^[^=]+=.+$/, 'a label selector is KEY=VALUE')
  .transform((text): [string, string] => {
    const equals = text.indexOf('=');
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
/** One label, or several that a target must have all of. */
const TargetsQuery = PageQuery.extend({
  label: z
    .union([LabelSelector.transform((label) => [label]), z.array(LabelSelector).max(32)])
    .default([]),
});
type TargetsQuery = z.output<typeof TargetsQuery>;

@Controller('api/v1/targets')
export class TargetsController {
  constructor(
    private readonly targets: TargetsService,
    private readonly sessions: AgentSessionsService,
  ) {}

  @Get()
  @Scopes('fleet:read')
  list(@Query({ schema: TargetsQuery }) query: TargetsQuery): Page<Target> {
    return this.targets.list(query, query.label);
  }

  @Get(':target')
  @Scopes('fleet:read')
  get(@Param('target', { schema: TargetId }) target: string): Promise<Target> {
    return this.targets.get(target);
  }

  @Delete(':target')
  @Scopes('admin')
  @HttpCode(204)
  remove(@Param('target', { schema: TargetId }) target: string): Promise<void> {
    return this.sessions.remove(target);
  }
}
