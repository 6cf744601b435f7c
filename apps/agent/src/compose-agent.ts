import { isAbsolute, join } from 'node:path';

import { collectGarbage, systemClock, systemRandom, type Logger } from '#lib/runtime';
import { HashPool, Session } from '#lib/swarm';

import type { AgentFolders } from './agent-folders.js';
import { AgentView } from './agent-view.js';
import { Agent } from './agent.js';
import type { AgentConfig } from './config/agent-config.js';
import { AppRunners } from './desired-state/app-runners.js';
import type { Identity } from './identity/identity.js';
import { StageBook } from './ledger/stage-book.js';
import { StageLedger } from './ledger/stage-ledger.js';
import { LocalApi } from './local-api/local-api.js';
import { IdleMemory } from './memory/idle-memory.js';
import { AgentSession } from './origin-link/agent-session.js';
import { readJoinToken } from './origin-link/join-token.js';
import { OriginLink } from './origin-link/origin-link.js';
import { TicketDesk } from './origin-link/ticket-desk.js';
import { Reporter } from './reporting/reporter.js';
import { MetainfoStore } from './staging/metainfo-store.js';
import { SwarmStager } from './staging/swarm-stager.js';
import { AgentTotals } from './swarm/agent-totals.js';
import { FrameSender } from './swarm/frame-sender.js';
import { SwarmDoor } from './swarm/swarm-door.js';
import { SwarmLimits } from './swarm/swarm-limits.js';
import { SwarmReturns } from './swarm/swarm-returns.js';
import type { Tell } from './tell.js';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly folders: AgentFolders;
  readonly identity: Identity;
  readonly hostname: string;
  readonly version: string;
  readonly logger: Logger;
  readonly tell: Tell;
}

/** Hash threads are worth their memory while there is something to hash, milliseconds. */
const HASH_IDLE_MS = 3_000;

/** Puts an agent together; nothing of it runs yet. */
export async function composeAgent(options: AgentOptions): Promise<Agent> {
  const { config, folders, identity, hostname, version, logger, tell } = options;
  const { target } = identity;
  const doors = { clock: systemClock, random: systemRandom, logger };
  const stop = new AbortController();
  const { signal } = stop;

  const hasher = new HashPool({ idleMs: HASH_IDLE_MS });
  const session = new Session({
    ...doors,
    hasher,
    listen: addressOf(config.listen),
    uploadLimit: config.uploadLimit,
    downloadLimit: config.downloadLimit,
  });
  const originSession = new AgentSession({
    ...doors,
    origin: config.origin,
    ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
    identity,
    joinToken: () => readJoinToken(config.joinTokenFile),
    version,
    facts: () => view.facts(),
  });
  const limits = new SwarmLimits(session);
  const follows = config.apps.map(({ app, channel }) => ({ app, channel }));
  const link = new OriginLink({ ...doors, session: originSession, follows });

  const ledger = await StageLedger.open(folders.ledgerFile);
  const totals = new AgentTotals();
  const book = new StageBook(ledger, totals, tell, systemClock);
  const desk = new TicketDesk((artifacts) => link.tickets(artifacts, signal), systemClock);
  const { client } = originSession;
  const stager = new SwarmStager({
    ...doors,
    session,
    hasher,
    metainfos: new MetainfoStore(folders.metainfos, (artifact, until) =>
      link.metainfo(artifact, until),
    ),
    stateFolder: folders.state,
    reserveBytes: config.diskReserve ?? null,
    door: new SwarmDoor({
      ...doors,
      session,
      desk,
      client,
      target,
      zone: config.labels['zone'],
      advertise: config.advertise,
    }),
    onStaged: (result) => book.enter(result),
  });
  const apps = new AppRunners({
    ...doors,
    apps: config.apps,
    folders,
    stager,
    keepReleases: config.keepReleases,
    tell,
    onChange: () => reporter.changed(),
    onProgress: () => reporter.progressed(),
  });
  const view: AgentView = new AgentView({
    config,
    identity,
    hostname,
    version,
    dataFolder: folders.data,
    session,
    totals,
    apps: () => apps.describe(),
    limits: () => limits.state(),
    seeded: () => stager.seeded,
    isConnected: () => link.isUp,
  });
  const reporter: Reporter = new Reporter({
    ...doors,
    describe: () => view.report(),
    ledger,
    send: (report, until) => link.report(report, until),
  });
  const frames = new FrameSender({
    ...doors,
    session,
    target,
    hostname,
    send: (sent) => link.frames(sent, signal),
  });
  const returns = new SwarmReturns({
    ...doors,
    session,
    announce: (all, until) => link.announce(all, view.peerAddress, until),
    signal,
  });
  const memory = new IdleMemory({
    ...doors,
    work: () => session.buffers.lent + hasher.jobCount,
    rest: () => {
      session.rest();
      collectGarbage();
    },
  });
  const localApi = localApiOf(options, view, limits);
  return new Agent({
    session,
    hasher,
    originSession,
    link,
    stager,
    apps,
    reporter,
    frames,
    returns,
    view,
    memory,
    localApi,
    tell,
    stop,
  });
}

function localApiOf(
  { config, folders, logger }: AgentOptions,
  view: AgentView,
  limits: SwarmLimits,
): LocalApi | null {
  const { localApi } = config;
  if (localApi === 'off') return null;
  return new LocalApi({
    socket: isAbsolute(localApi) ? localApi : join(folders.data, localApi),
    status: () => view.status(),
    metrics: () => view.metrics(),
    limit: (change) => limits.change(change),
    logger,
  });
}

function addressOf(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
