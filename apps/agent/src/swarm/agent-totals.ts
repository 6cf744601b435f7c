import type { Session, StageBytes } from '#lib/swarm';

import type { AgentMetrics } from '../local-api/metrics-text.js';

/** Sums since the start, over stages that ended and torrents that run. */
export class AgentTotals {
  #origin = 0;
  #peer = 0;
  #reuse = 0;
  #wasted = 0;

  add({ fromOrigin, fromPeers, reused, wasted }: StageBytes): void {
    this.#origin += fromOrigin;
    this.#peer += fromPeers;
    this.#reuse += reused;
    this.#wasted += wasted;
  }

  of(
    session: Session,
  ): Pick<AgentMetrics, 'received' | 'wasted' | 'sent' | 'peers' | 'read' | 'fromAfar'> {
    const { connections, received: read } = session.stats();
    return {
      received: { origin: this.#origin, peer: this.#peer, reuse: this.#reuse },
      wasted: this.#wasted,
      ...session.moved(),
      peers: connections,
      read,
    };
  }
}
