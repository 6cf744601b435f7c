import type { Clock } from '#lib/runtime';

import type { StageResult } from '../staging/swarm-stager.js';
import type { AgentTotals } from '../swarm/agent-totals.js';
import type { Tell } from '../tell.js';
import type { StageLedger } from './stage-ledger.js';

/** Enters finished stages wherever they are counted. */
export class StageBook {
  constructor(
    private readonly ledger: StageLedger,
    private readonly totals: AgentTotals,
    private readonly tell: Tell,
    private readonly clock: Clock,
  ) {}

  /** @throws when the record is not durable; it is counted and will be sent all the same */
  async enter({ order, bytes, seconds }: StageResult): Promise<void> {
    const { app, version, artifact } = order;
    this.totals.add(bytes);
    this.tell({ event: 'staged', app, version, bytes: artifact.bytes, ...bytes, seconds });
    await this.ledger.add({
      at: this.clock.now(),
      artifact: artifact.artifact,
      app,
      version,
      completed: true,
      delivered: artifact.bytes,
      ...bytes,
      seconds,
    });
  }
}
