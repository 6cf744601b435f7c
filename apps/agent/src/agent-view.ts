import { randomBytes } from 'node:crypto';

import type { AgentReport, LimitsState, TargetApp } from '#lib/contracts';
import { freeBytes, type Session } from '#lib/swarm';

import type { AgentConfig } from './config/agent-config.js';
import type { Identity } from './identity/identity.js';
import type { AgentStatus } from './local-api/local-api.js';
import type { AgentMetrics } from './local-api/metrics-text.js';
import type { AgentFacts } from './origin-link/agent-session.js';
import type { AgentTotals } from './swarm/agent-totals.js';

export interface AgentViewOptions {
  readonly config: AgentConfig;
  readonly identity: Identity;
  readonly hostname: string;
  readonly version: string;
  readonly dataFolder: string;
  readonly session: Session;
  readonly totals: AgentTotals;
  readonly apps: () => TargetApp[];
  readonly limits: () => LimitsState;
  /** Artifacts that are seeded, and those of them of which every byte is here. */
  readonly seeded: () => { readonly count: number; readonly whole: readonly string[] };
  readonly isConnected: () => boolean;
}

/** What the agent says of itself: to the origin, to programs on the machine, to Prometheus. */
export class AgentView {
  /** Tells this start of the agent from others with its identity. */
  readonly #instance = randomBytes(16).toString('hex');

  constructor(private readonly options: AgentViewOptions) {}

  /** Where peers reach us; the port is known once the session listens. */
  get peerAddress(): string {
    const { config, session } = this.options;
    const { advertise, listen } = config;
    return advertise ?? `${listen.slice(0, listen.lastIndexOf(':'))}:${session.port}`;
  }

  /** What goes with a session that is opened. */
  facts(): AgentFacts {
    const { config, hostname, version } = this.options;
    const { peerAddress } = this;
    const instance = this.#instance;
    return { hostname, labels: config.labels, agentVersion: version, instance, peerAddress };
  }

  async report(): Promise<Omit<AgentReport, 'ledger'>> {
    const { dataFolder, apps, seeded } = this.options;
    const free = await freeBytes(dataFolder).catch(() => null);
    const holds = [...seeded().whole];
    return { instance: this.#instance, freeBytes: free, apps: apps(), holds };
  }

  status(): AgentStatus {
    const { identity, hostname, version, apps, limits, isConnected } = this.options;
    return {
      target: identity.target,
      hostname,
      version,
      connected: isConnected(),
      peerAddress: this.peerAddress,
      limits: limits(),
      apps: apps(),
    };
  }

  metrics(): AgentMetrics {
    const { totals, session, seeded, isConnected, version } = this.options;
    return {
      ...totals.of(session),
      limits: session.limits,
      seeding: seeded().count,
      connected: isConnected(),
      version,
    };
  }
}
