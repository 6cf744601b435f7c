import { Injectable } from '@nestjs/common';

import type { TicketsAnswer } from '#lib/contracts';

import { ArtifactAccess } from '../artifacts/artifact-access.js';
import { TicketOffice } from '../artifacts/ticket-office.js';
import type { Principal } from '../auth/principal.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';

/** `POST /agent/tickets`: all that an agent needs to seed what it holds, in one answer. */
@Injectable()
export class AgentTicketsService {
  constructor(
    private readonly access: ArtifactAccess,
    private readonly office: TicketOffice,
    private readonly artifacts: ArtifactIndexService,
  ) {}

  /** Artifacts that are not there any more are left out: what is gone is not seeded. */
  async tickets(
    caller: Principal,
    artifacts: readonly string[],
    baseUrl: string,
  ): Promise<TicketsAnswer> {
    const readable = await this.access.readable(caller, [...new Set(artifacts)]);
    const tickets: TicketsAnswer['tickets'] = [];
    for (const each of readable) {
      const names = this.artifacts.index.get(each) ?? undefined;
      tickets.push(await this.office.ticketFor(each, caller, baseUrl, names));
    }
    return { tickets };
  }
}
