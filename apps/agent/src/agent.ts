import { randomBytes } from 'node:crypto';
import { isAbsolute, join } from 'node:path';

import type { AgentReport, DesiredApp, TargetApp } from '#lib/contracts';
import { systemClock, systemRandom, type Logger } from '#lib/runtime';
import { freeBytes, HashPool, Session } from '#lib/swarm';

import { Activator } from './activation/activator.js';
import type { AgentFolders } from './agent-folders.js';
import type { AgentConfig } from './config/agent-config.js';
import { AppRunner } from './desired-state/app-runner.js';
import type { Identity } from './identity/identity.js';
import { AppJournal } from './journal/app-journal.js';
import { StageLedger } from './ledger/stage-ledger.js';
import { LocalApi, type AgentStatus } from './local-api/local-api.js';
import type { AgentMetrics } from './local-api/metrics-text.js';
import { AgentSession } from './origin-link/agent-session.js';
import { readJoinToken } from './origin-link/join-token.js';
import { OriginLink } from './origin-link/origin-link.js';
import { TicketDesk } from './origin-link/ticket-desk.js';
import { Reporter } from './reporting/reporter.js';
import { MetainfoStore } from './staging/metainfo-store.js';
import { SwarmStager, type StageResult } from './staging/swarm-stager.js';
import { AgentTotals } from './swarm/agent-totals.js';
import { FrameSender } from './swarm/frame-sender.js';
import { SwarmDoor } from './swarm/swarm-door.js';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly folders: AgentFolders;
  readonly identity: Identity;
  readonly hostname: string;
  readonly version: string;
  readonly logger: Logger;
  /** What happens, for whoever started this agent. */
  readonly tell: (event: Readonly<Record<string, unknown>>) => void;
}

/** After the tracker forgot its peers, agents come back spread over this long, milliseconds. */
const EPOCH_SPREAD_MS = 8_000;

/** All parts of an agent, put together. Whoever makes it holds the data folder's lock. */
export class Agent {
  readonly #clock = systemClock;
  readonly #stopped = new AbortController();
  readonly #hasher = new HashPool();
  readonly #session: Session;
  readonly #originSession: AgentSession;
  readonly #link: OriginLink;
  readonly #stager: SwarmStager;
  readonly #reporter: Reporter;
  readonly #frames: FrameSender;
  readonly #totals = new AgentTotals();
  readonly #runners = new Map<string, AppRunner>();
  readonly #phases = new Map<string, string>();
  readonly #instance = randomBytes(16).toString('hex');
  #localApi: LocalApi | null = null;
  #connected = false;

  private constructor(
    private readonly options: AgentOptions,
    private readonly ledger: StageLedger,
  ) {
    const { config, identity, logger, version, hostname, folders } = options;
    const [clock, random] = [this.#clock, systemRandom];
    this.#session = new Session({
      hasher: this.#hasher,
      listen: parseListen(config.listen),
      uploadLimit: config.uploadLimit || null,
      downloadLimit: config.downloadLimit || null,
      clock,
      random,
      logger,
    });
    this.#originSession = new AgentSession({
      origin: config.origin,
      ...(config.caFile === undefined ? {} : { caFile: config.caFile }),
      identity,
      joinToken: () => readJoinToken(config.joinTokenFile),
      version,
      // Asked for when a session is opened: the port is known by then.
      facts: () => ({
        hostname,
        labels: config.labels,
        agentVersion: version,
        instance: this.#instance,
        peerAddress: this.#peerAddress,
      }),
      clock,
      logger,
    });
    this.#link = new OriginLink({
      session: this.#originSession,
      follows: config.apps.map(({ app, channel }) => ({ app, channel })),
      events: {
        onConnected: () => this.#onConnected(),
        onLost: () => this.#onLost(),
        onNewEpoch: () => this.#onNewEpoch(),
        onDesired: (apps) => this.#onDesired(apps),
        onWatch: (artifact, watched) => this.#frames.watch(artifact, watched),
      },
      clock,
      random,
      logger,
    });
    const signal = this.#stopped.signal;
    const desk = new TicketDesk((artifacts) => this.#link.tickets(artifacts, signal), clock);
    const door = new SwarmDoor({
      session: this.#session,
      desk,
      client: this.#originSession.client,
      target: identity.target,
      advertise: config.advertise,
      clock,
      random,
      logger,
    });
    this.#stager = new SwarmStager({
      session: this.#session,
      hasher: this.#hasher,
      metainfos: new MetainfoStore(folders.metainfos, (artifact, until) =>
        this.#link.metainfo(artifact, until),
      ),
      stateFolder: folders.state,
      reserveBytes: config.diskReserve ?? null,
      door,
      clock,
      logger,
      onStaged: (result) => this.#onStaged(result),
    });
    this.#reporter = new Reporter({
      describe: () => this.#describe(),
      ledger,
      send: (report, until) => this.#link.report(report, until),
      clock,
      logger,
    });
    this.#frames = new FrameSender({
      session: this.#session,
      target: identity.target,
      hostname,
      send: (frames) => this.#link.frames(frames, signal),
      clock,
      logger,
    });
  }

  static async make(options: AgentOptions): Promise<Agent> {
    return new Agent(options, await StageLedger.open(options.folders.ledgerFile));
  }

  /**
   * Runs until `close`. What is installed is taken up first and needs no origin; then the control link
   * is kept up.
   * @throws what no waiting can mend (see OriginLink.run)
   */
  async run(): Promise<void> {
    const { config, folders } = this.options;
    await this.#session.listen();
    for (const followed of config.apps) {
      const { app, channel } = followed;
      const home = folders.homeOf(followed);
      const journal = await AppJournal.open(folders.journalFile(app), app, channel, home);
      const runner = this.#runnerOf(journal);
      await runner.start();
      this.#runners.set(app, runner);
    }
    await this.#openLocalApi();
    await this.#link.run(this.#stopped.signal);
  }

  /** Ends within seconds: links and connections are closed, what was verified is kept. */
  async close(): Promise<void> {
    await this.#reporter.stop();
    this.#stopped.abort();
    this.#frames.stop();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#stager.close();
    await this.#session.close();
    await this.#localApi?.close();
    await this.#originSession.close();
    await this.#hasher.close();
  }

  get #peerAddress(): string {
    const { advertise, listen } = this.options.config;
    if (advertise !== undefined) return advertise;
    return `${listen.slice(0, listen.lastIndexOf(':'))}:${this.#session.port}`;
  }

  #runnerOf(journal: AppJournal): AppRunner {
    return new AppRunner({
      journal,
      activator: new Activator(journal),
      stager: this.#stager,
      keepReleases: this.options.config.keepReleases,
      clock: this.#clock,
      random: systemRandom,
      logger: this.options.logger,
      onChange: () => this.#onChange(journal.state.app),
      onProgress: () => this.#reporter.progressed(),
    });
  }

  #onConnected(): void {
    const { tell, identity, hostname } = this.options;
    const isFirst = !this.#connected && this.#phases.get('') === undefined;
    this.#connected = true;
    this.#phases.set('', 'ready');
    if (isFirst) {
      const { pid } = process;
      tell({ event: 'ready', target: identity.target, hostname, peer: this.#peerAddress, pid });
    }
    this.#reporter.changed();
  }

  #onLost(): void {
    this.#connected = false;
    this.#frames.stop();
  }

  #onDesired(apps: readonly DesiredApp[]): void {
    for (const desired of apps) this.#runners.get(desired.app)?.want(desired);
  }

  #onNewEpoch(): void {
    this.#clock.setTimer(systemRandom() * EPOCH_SPREAD_MS, () => {
      const announces = [...this.#session.torrents].map((torrent) => {
        const { wantedBytes, haveBytes } = torrent.progress();
        return { artifact: torrent.infoHashV2.toString('hex'), left: wantedBytes - haveBytes };
      });
      this.#link
        .announce(announces, this.#peerAddress, this.#stopped.signal)
        .catch((error: unknown) => this.options.logger.warn('announces not renewed', { error }));
    });
  }

  /** Phases that people wait for are told; every change is reported. */
  #onChange(app: string): void {
    const state = this.#runners.get(app)?.describe();
    if (!state) return;
    const told = `${state.phase} ${state.current ?? ''}`;
    if (this.#phases.get(app) !== told && state.phase === 'ACTIVE') {
      this.options.tell({ event: 'active', app, version: state.current });
    }
    this.#phases.set(app, told);
    this.#reporter.changed();
  }

  async #onStaged({ order, bytes, seconds }: StageResult): Promise<void> {
    const { app, version, artifact } = order;
    const { fromOrigin, fromPeers, reused, wasted } = bytes;
    this.#totals.add(bytes);
    await this.ledger.add({
      at: this.#clock.now(),
      artifact: artifact.artifact,
      app,
      version,
      completed: true,
      delivered: artifact.bytes,
      ...bytes,
      seconds,
    });
    const sizes = { bytes: artifact.bytes, fromOrigin, fromPeers, reused, wasted };
    this.options.tell({ event: 'staged', app, version, ...sizes, seconds });
  }

  async #describe(): Promise<Omit<AgentReport, 'ledger'>> {
    const free = await freeBytes(this.options.folders.data).catch(() => null);
    return {
      instance: this.#instance,
      freeBytes: free,
      apps: this.#apps(),
      holds: [...this.#stager.seeded.whole],
    };
  }

  #apps(): TargetApp[] {
    return [...this.#runners.values()].map((runner) => runner.describe());
  }

  async #openLocalApi(): Promise<void> {
    const { config, folders } = this.options;
    if (config.localApi === 'off') return;
    const socket = isAbsolute(config.localApi)
      ? config.localApi
      : join(folders.data, config.localApi);
    this.#localApi = new LocalApi({
      socket,
      status: () => this.#status(),
      metrics: () => this.#metrics(),
    });
    await this.#localApi.listen();
  }

  #status(): AgentStatus {
    const { identity, hostname, version } = this.options;
    return {
      target: identity.target,
      hostname,
      version,
      connected: this.#connected,
      peerAddress: this.#peerAddress,
      apps: this.#apps(),
    };
  }

  #metrics(): AgentMetrics {
    return {
      ...this.#totals.of(this.#session),
      seeding: this.#stager.seeded.count,
      connected: this.#connected,
      version: this.options.version,
    };
  }
}

function parseListen(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
