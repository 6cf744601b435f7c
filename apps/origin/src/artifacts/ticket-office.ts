import { Inject, Injectable } from '@nestjs/common';

import type { Release, SwarmTicket } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import type { Principal } from '../auth/principal.js';
import { TrackerKeys } from '../auth/tracker-keys.js';
import { OriginAddresses } from '../config/origin-addresses.js';
import type { OriginConfig } from '../config/origin-config.schema.js';
import { CLOCK, ORIGIN_CONFIG } from '../config/start-context.js';
import { ReplicaBoard } from '../replicas/replica-board.js';
import { ArtifactLibrary } from './artifact-library.js';
import { SwarmSecrets } from './swarm-secrets.js';
import { announceUrl, webSeedUrl } from './swarm-urls.js';

const KEY_MS = 7 * 86_400_000;
/** Seeders that a ticket names; the tracker knows of all. */
const MAX_ORIGINS = 16;

/** Hands our own peers what they need to join a swarm. Who may have it was decided before. */
@Injectable()
export class TicketOffice {
  constructor(
    private readonly library: ArtifactLibrary,
    private readonly secrets: SwarmSecrets,
    private readonly keys: TrackerKeys,
    private readonly addresses: OriginAddresses,
    private readonly board: ReplicaBoard,
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @param baseUrl under which the caller reaches this service (`PublicUrl`)
   * @param names the artifact's, if they are at hand: a whole fleet that asks for all it holds must
   *   not have every metainfo read
   * @throws ARTIFACT_NOT_FOUND
   */
  async ticketFor(
    artifact: string,
    holder: Principal,
    baseUrl: string,
    names?: Pick<Release, 'name' | 'single'>,
  ): Promise<SwarmTicket> {
    const metainfo = names ?? (await this.library.open(artifact)).metainfo;
    const expiresAt = this.clock.now() + KEY_MS;
    // An agent has one key for all it holds; a one-shot pull gets one for what it pulls.
    const scope = holder.kind === 'agent' ? null : artifact;
    const key = this.keys.mint(holder, { artifact: scope, expiresAt });
    return {
      artifact,
      announce: [[announceUrl(baseUrl, key)]],
      swarmSecret: this.secrets.of(artifact).toString('base64url'),
      peerAccess: this.config.peerAccess,
      origins: this.#origins(),
      webSeed: webSeedUrl(baseUrl, key, artifact, metainfo),
    };
  }

  /** This replica's seeder first: it was told that somebody comes. */
  #origins(): string[] {
    const own = this.addresses.peer;
    const others = this.board
      .alive()
      .filter(({ replica, roles }) => replica !== this.board.self && roles.includes('seed'))
      .map(({ peer }) => peer ?? '');
    const known = [own, ...others].filter((peer) => peer !== '');
    return [...new Set(known)].slice(0, MAX_ORIGINS);
  }
}
