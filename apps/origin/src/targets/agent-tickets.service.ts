import { Injectable } from '@nestjs/common';

import type { TicketsAnswer } from '#lib/contracts';

import { ArtifactAccess } from '../artifacts/artifact-access.js';
import { TicketOffice } from '../artifacts/ticket-office.js';
import type { Principal } from '../auth/principal.js';
import { OriginEvents } from '../events/origin-events.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';

const FEW = 4;

/** `POST /agent/tickets`: all that an agent needs to seed what it holds, in one answer. */
@Injectable()
export class AgentTicketsService {
  constructor(
    private readonly access: ArtifactAccess,
    private readonly office: TicketOffice,
    private readonly artifacts: ArtifactIndexService,
    private readonly events: OriginEvents,
  ) {}

  /** Artifacts that are not there any more are left out: what is gone is not seeded. */
  async tickets(
    caller: Principal,
    artifacts: readonly string[],
    baseUrl: string,
  ): Promise<TicketsAnswer> {
    const readable = await this.access.readable(caller, [...new Set(artifacts)]);
    const tickets: TicketsAnswer['tickets'] = [];
    // A few tickets are asked for to fetch something, many to seed what is there.
    if (readable.length <= FEW)
      for (const each of readable) this.events.emit('artifactWanted', each);
    for (const each of readable) {
      const names = this.artifacts.index.get(each) ?? undefined;
      tickets.push(await this.office.ticketFor(each, caller, baseUrl, names));
    }
    return { tickets };
  }
}
