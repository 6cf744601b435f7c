import { configurationError, systemErrorCode, type DesiredApp } from '#lib/contracts';
import type { HashPool, Session } from '#lib/swarm';

import type { AgentView } from './agent-view.js';
import type { AppRunners } from './desired-state/app-runners.js';
import type { LocalApi } from './local-api/local-api.js';
import type { IdleMemory } from './memory/idle-memory.js';
import type { AgentSession } from './origin-link/agent-session.js';
import type { LinkEvents, OriginLink } from './origin-link/origin-link.js';
import type { Reporter } from './reporting/reporter.js';
import type { SwarmStager } from './staging/swarm-stager.js';
import type { FrameSender } from './swarm/frame-sender.js';
import type { SwarmReturns } from './swarm/swarm-returns.js';
import type { Tell } from './tell.js';

/** What an agent is made of; see compose-agent.ts. */
export interface AgentParts {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly originSession: AgentSession;
  readonly link: OriginLink;
  readonly stager: SwarmStager;
  readonly apps: AppRunners;
  readonly reporter: Reporter;
  readonly frames: FrameSender;
  readonly returns: SwarmReturns;
  readonly view: AgentView;
  readonly memory: IdleMemory;
  /** Null when the machine's programs are not to ask. */
  readonly localApi: LocalApi | null;
  readonly tell: Tell;
  /** Ends everything that waits for the origin. */
  readonly stop: AbortController;
}

/** The process on a target. Whoever makes it holds the data folder's lock. */
export class Agent implements LinkEvents {
  #wasReady = false;

  constructor(private readonly parts: AgentParts) {}

  /**
   * Runs until `close`. What is installed is taken up first and needs no origin; then the control link
   * is kept up.
   * @throws CONFIG_INVALID, DISK_IO, and what no waiting can mend (see OriginLink.run)
   */
  async run(): Promise<void> {
    const { session, apps, memory, localApi, link, stop } = this.parts;
    memory.start();
    await session.listen().catch((error: unknown) => {
      const why = systemErrorCode(error) ?? String(error);
      throw configurationError('listen', `peers cannot be listened for there (${why})`, error);
    });
    await apps.start();
    await localApi?.listen();
    await link.run(this, stop.signal);
  }

  /** Ends within seconds: links and connections are closed, what was verified is kept. */
  async close(): Promise<void> {
    const { reporter, stop, frames, memory, apps, stager } = this.parts;
    const { session, localApi, originSession, hasher } = this.parts;
    stop.abort();
    frames.stop();
    memory.stop();
    await Promise.all([reporter.stop(), apps.stop()]);
    await stager.close();
    await session.close();
    await localApi?.close();
    await originSession.close();
    await hasher.close();
  }

  onConnected(): void {
    const { tell, view, reporter, stager } = this.parts;
    if (!this.#wasReady) {
      const { target, hostname, peerAddress } = view.status();
      tell({ event: 'ready', target, hostname, peer: peerAddress, pid: process.pid });
    }
    this.#wasReady = true;
    stager.linkIsUp();
    reporter.changed();
  }

  onLost(): void {
    this.parts.frames.stop();
  }

  onNewEpoch(): void {
    this.parts.returns.begin();
  }

  onDesired(apps: readonly DesiredApp[]): void {
    this.parts.apps.want(apps);
  }

  onWatch(artifact: string, watched: boolean): void {
    this.parts.frames.watch(artifact, watched);
  }
}
