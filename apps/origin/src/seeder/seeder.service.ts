import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';

import { configurationError, FleetseedError, type PeerFrame } from '#lib/contracts';
import { BlobStore } from '#lib/depot';
import { openFilesShare, repeat, type Clock, type Logger } from '#lib/runtime';
import { Bitfield, InlineHasher, Session, type RateLimits } from '#lib/swarm';
import { Tracker } from '#lib/tracker';
import { normalizeIp, type HostPort } from '#lib/wire';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import { SwarmSecrets } from '../artifacts/swarm-secrets.js';
import { OriginAddresses } from '../config/origin-addresses.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { CLOCK, LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { FleetLimits } from '../limits/fleet-limits.js';
import { ReplicaPost } from '../replicas/replica-post.js';
import { ArtifactIndexService } from '../tracker/artifact-index.service.js';
import { swarmIdOf } from '../tracker/artifact.index.js';
import { peerAddressOf } from '../tracker/peer-address.js';
import { SwarmDoor } from '../tracker/swarm-door.js';
import { ArtifactWanted } from './artifact-wanted.topic.js';
import { LivingSeeders } from './living-seeders.js';
import { OriginAnnouncer } from './origin.announcer.js';
import { dialAddressOf, peerListenOf } from './peer-door.address.js';
import { SeedPool } from './seed.pool.js';
import { SeededArtifact, SeedsElsewhere } from './seeded.artifact.js';
import { holdTo } from './session.limits.js';

const REFRESH_MS = 1000;
/** What was requested of us is sent within this time, or not any more, ms. */
const LEAVE_MS = 2000;
/** Peers at a time, and the descriptors they may have. */
const CONNECTIONS = 1000;
const CONNECTIONS_SHARE = 0.25;
/** Each idle artifact is looked at once in so many refreshes. */
const IDLE_TURNS = 8;

/** What the origin gives to peers: every artifact of the depot, opened when somebody wants it. */
@Injectable()
export class SeederService implements OnApplicationBootstrap, OnModuleDestroy {
  #session: Session | null = null;
  #address: HostPort = { host: '127.0.0.1', port: 0 };
  #stopRefreshing: () => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #looks = 0;
  #left: Promise<void> | null = null;
  readonly #pool: SeedPool<SeededArtifact>;

  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly addresses: OriginAddresses,
    private readonly library: ArtifactLibrary,
    private readonly secrets: SwarmSecrets,
    private readonly blobs: BlobStore,
    private readonly tracker: Tracker,
    private readonly door: SwarmDoor,
    private readonly artifacts: ArtifactIndexService,
    private readonly ledger: LedgerService,
    private readonly events: OriginEvents,
    private readonly shutdown: ShutdownSignal,
    private readonly seeders: LivingSeeders,
    private readonly post: ReplicaPost,
    private readonly fleetLimits: FleetLimits,
  ) {
    this.#pool = new SeedPool({ seed: (artifact) => this.#seed(artifact), clock, logger });
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.roles.includes('seed')) return;
    const listen = peerListenOf(this.config);
    const session = new Session({
      listen,
      // A seeder verifies nothing: the depot has.
      hasher: new InlineHasher(),
      clock: this.clock,
      logger: this.logger,
      maxConnections: openFilesShare(CONNECTIONS_SHARE, CONNECTIONS),
      ...portOf(this.config.advertise),
    });
    // From here on it is ours to close, whatever else keeps this process from starting.
    this.#session = session;
    const limit = () => holdTo(this.fleetLimits.current, this.config.uploadLimit, session);
    const ends = [this.fleetLimits.onChange(limit)];
    this.#unsubscribe = () => ends.forEach((end) => end());
    limit();
    try {
      await session.listen();
    } catch (cause) {
      throw listenFailed(this.config.peerListen ?? this.config.listen, cause);
    }
    const dialled = dialAddressOf({ host: listen.host, port: session.port });
    this.addresses.peer = this.config.advertise ?? dialled;
    this.#address = await this.#ownAddress(listen.host);
    this.ledger.addSource(() => this.#account());
    const want = (artifact: string) => {
      this.want(artifact).catch((error: unknown) =>
        this.logger.warn('artifact not opened', { artifact, error }),
      );
    };
    // Whoever has a ticket comes to all replicas that it names.
    ends.push(
      this.events.on('artifactWanted', want),
      this.post.hear(ArtifactWanted, ({ artifact }) => want(artifact)),
    );
    this.door.openWith((swarm) => this.#wantSwarm(swarm));
    const onError = (error: unknown) => this.logger.warn('seeder not refreshed', { error });
    const every = { clock: this.clock, pauseMs: REFRESH_MS, onError };
    this.#stopRefreshing = repeat(() => this.#refresh(), every);
    this.shutdown.leaving.addEventListener('abort', () => void this.#leave(), { once: true });
  }

  async onModuleDestroy(): Promise<void> {
    await this.#leave();
    const session = this.#session;
    this.#session = null;
    this.#stopRefreshing();
    this.#unsubscribe();
    await this.#pool.close();
    await session?.close();
  }

  get activeCount(): number {
    return this.#pool.size;
  }

  get connectionCount(): number {
    return this.#session?.stats().connections ?? 0;
  }

  /** What it holds to now, bytes a second; null is no limit. */
  get limits(): RateLimits {
    return this.#session?.limits ?? { upload: null, download: null };
  }

  /** Somebody is about to come for the artifact: it is opened before they knock. */
  async want(artifact: string): Promise<void> {
    if (!this.#session || this.#left) return;
    const seeded = await this.#pool.want(artifact);
    seeded.expectPeers();
    await seeded.lookForSeeds();
  }

  /** The origin's own frame, and those of strangers it serves; none while nobody wants the artifact. */
  frames(artifact: string): PeerFrame[] {
    return this.#pool.get(artifact)?.frames() ?? [];
  }

  /** @throws CONFIG_INVALID when the advertised name leads nowhere */
  async #ownAddress(listening: string): Promise<HostPort> {
    try {
      return await peerAddressOf(this.addresses.peer, listening);
    } catch (cause) {
      const reason = `${this.addresses.peer} is an address that leads nowhere`;
      throw configurationError('advertise', reason, cause);
    }
  }

  async #wantSwarm(swarm: string): Promise<void> {
    const found = await this.artifacts.lookup(Buffer.from(swarm, 'hex'));
    if (found) await this.want(found.release.artifact);
  }

  async #seed(artifact: string): Promise<SeededArtifact> {
    const session = this.#session;
    if (!session) throw new FleetseedError('SHUTTING_DOWN', 'The seeder is not there.');
    const { metainfo, pieces, payload, content } = await this.library.open(artifact);
    const infoHashV2 = Buffer.from(artifact, 'hex');
    const swarm = swarmIdOf(artifact);
    const elsewhere = new SeedsElsewhere();
    elsewhere.value = await this.tracker.seedsOf(swarm);
    const torrent = session.add({
      metainfo,
      store: payload,
      have: Bitfield.full(pieces.pieceCount),
      role: 'origin',
      swarmSecret: this.secrets.of(artifact),
      access: this.config.peerAccess,
      isAnnounced: (host) => this.#isAnnounced(swarm, host),
      announcer: new OriginAnnouncer({
        tracker: this.tracker,
        infoHashV2,
        peerId: session.peerId,
        address: this.#address,
      }),
      copies: this.config.copyBudget,
      seedsElsewhere: () => elsewhere.value,
      replicas: this.seeders,
      leavesOf: async (root) => {
        const place = content.placeOf(root.toString('hex'));
        return place ? this.blobs.readLeaves(root.toString('hex'), place) : null;
      },
    });
    this.logger.debug('seeding begins', { artifact });
    return new SeededArtifact(
      {
        session,
        torrent,
        seedsKnown: () => this.tracker.seedsOf(swarm),
        count: (reason, bytes) => this.ledger.countOrigin(artifact, reason, bytes),
      },
      elsewhere,
    );
  }

  #isAnnounced(swarm: string, host: string): boolean {
    const address = normalizeIp(host);
    return address !== null && this.door.isAnnounced(swarm, address);
  }

  /** Peers get what they have requested, and find the rest elsewhere. */
  #leave(): Promise<void> {
    this.#left ??= this.#session?.leave(LEAVE_MS) ?? Promise.resolve();
    return this.#left;
  }

  async #refresh(): Promise<void> {
    this.#looks++;
    let place = 0;
    for (const [, seeded] of this.#pool.active()) {
      // Of those that seem idle one in eight is looked at, in turn: a peer may come unannounced.
      if (seeded.mayHaveSent || ++place % IDLE_TURNS === this.#looks % IDLE_TURNS) {
        await seeded.refresh();
      }
    }
    this.#pool.sweep();
  }

  #account(): void {
    for (const [, seeded] of this.#pool.active()) if (seeded.mayHaveSent) seeded.account();
  }
}

function portOf(advertise: string | undefined): { advertisedPort?: number } {
  if (advertise === undefined) return {};
  return { advertisedPort: Number(advertise.slice(advertise.lastIndexOf(':') + 1)) };
}

function listenFailed(address: string, cause: unknown): FleetseedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return configurationError('peerListen', `peers cannot connect to ${address}: ${reason}`, cause);
}
