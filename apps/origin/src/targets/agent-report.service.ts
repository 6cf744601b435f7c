import { Injectable } from '@nestjs/common';

import { FleetseedError, type AgentReport, type AgentReportAnswer } from '#lib/contracts';

import { LedgerService } from '../ledger/ledger.service.js';
import { SwarmWatch } from '../swarms/swarm-watch.js';
import type { AgentPrincipal } from './agent.resolver.js';
import { TargetStates } from './target.states.js';

/** `POST /agent/report`: the agent's full state, and what it has for the ledger. */
@Injectable()
export class AgentReportService {
  constructor(
    private readonly states: TargetStates,
    private readonly ledger: LedgerService,
    private readonly watch: SwarmWatch,
  ) {}

  async report(agent: AgentPrincipal, report: AgentReport): Promise<AgentReportAnswer> {
    if (report.instance !== agent.instance) {
      throw new FleetseedError('REQUEST_INVALID', 'The report is of another start of the agent.');
    }
    this.states.report(agent.id, report);
    this.watch.tell(agent.id);
    return { acknowledged: await this.ledger.record(agent.id, report.ledger) };
  }
}
