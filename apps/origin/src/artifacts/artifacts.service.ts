import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Request } from 'express';

import {
  FleetseedError,
  type HandedOutFormat,
  type Release,
  type SwarmTicket,
} from '#lib/contracts';
import type { Clock } from '#lib/runtime';
import { encodeMetainfo, v1EditionOf, withAnnounce, type Metainfo } from '#lib/torrent';

import type { Principal } from '../auth/principal.js';
import { TrackerKeys } from '../auth/tracker-keys.js';
import { PublicUrl } from '../config/public-url.js';
import { CLOCK } from '../config/start-context.js';
import { OriginEvents } from '../events/origin-events.js';
import { ReleasesService } from '../releases/releases.service.js';
import { ArtifactAccess } from './artifact-access.js';
import { ArtifactLibrary } from './artifact-library.js';
import { announceUrl, webSeedUrl } from './swarm-urls.js';
import { TicketOffice } from './ticket-office.js';

const KEY_MS = 7 * 86_400_000;
const TORRENT = 'application/x-bittorrent';

/** How the `.torrent` of a release is to be. */
export interface TorrentWish {
  /** Stock clients may fetch over HTTP too. */
  readonly webSeed: boolean;
  /** By default the v1 edition of a single file, which every client reads, and a tree as it is. */
  readonly format?: HandedOutFormat | undefined;
}

/** Metainfo and tickets for callers that may read the artifact. */
@Injectable()
export class ArtifactsService implements OnModuleInit, OnModuleDestroy {
  #unsubscribe: () => void = () => undefined;

  constructor(
    private readonly library: ArtifactLibrary,
    private readonly access: ArtifactAccess,
    private readonly releases: ReleasesService,
    private readonly tickets: TicketOffice,
    private readonly keys: TrackerKeys,
    private readonly urls: PublicUrl,
    private readonly events: OriginEvents,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const forget = (artifact: string) => this.library.forget(artifact);
    this.#unsubscribe = this.events.on('artifactRemoved', forget);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
  }

  /** The `.torrent` without trackers. @throws ARTIFACT_NOT_FOUND */
  async metainfo(artifact: string, caller: Principal): Promise<Response> {
    await this.access.require(caller, artifact);
    const { torrent } = await this.library.open(artifact);
    return fileAnswer(torrent, { 'cache-control': 'private, max-age=31536000, immutable' });
  }

  /** @throws ARTIFACT_NOT_FOUND */
  async ticket(artifact: string, caller: Principal, request: Request): Promise<SwarmTicket> {
    await this.access.require(caller, artifact);
    this.events.emit('artifactWanted', artifact);
    return this.tickets.ticketFor(artifact, caller, this.urls.of(request));
  }

  /**
   * The `.torrent` of a release for stock clients: announce URLs with a key of its own, which ends
   * after 7 days or when it, or the caller's token, is revoked.
   * @throws VERSION_NOT_FOUND, APP_NOT_FOUND; REQUEST_INVALID for a format it cannot be had in
   */
  async torrent(
    release: { readonly app: string; readonly version: string },
    { webSeed, format }: TorrentWish,
    caller: Principal,
    request: Request,
  ): Promise<Response> {
    const found = await this.releases.get(release.app, release.version);
    const { torrent, metainfo } = await this.library.open(found.artifact);
    const key = await this.#keyFor(found, caller);
    const baseUrl = this.urls.of(request);
    const seeds = webSeed ? [webSeedUrl(baseUrl, key, found.artifact, metainfo)] : [];
    const trackers = [baseUrl, this.urls.udpTrackerOf(request)].filter((url) => url !== null);
    const tiers = trackers.map((url) => [announceUrl(url, key)]);
    const bytes = withAnnounce(inFormat(torrent, metainfo, format), tiers, seeds);
    const fileName = encodeURIComponent(`${found.app}-${found.version}.torrent`);
    return fileAnswer(bytes, {
      'content-disposition': `attachment; filename*=UTF-8''${fileName}`,
      'cache-control': 'no-store',
    });
  }

  #keyFor({ app, version, artifact }: Release, caller: Principal): Promise<string> {
    const expiresAt = this.clock.now() + KEY_MS;
    return this.keys.mintRevocable(caller, {
      artifact,
      expiresAt,
      name: `${app}@${version}`,
    });
  }
}

function inFormat(torrent: Buffer, metainfo: Metainfo, format?: HandedOutFormat): Buffer {
  const edition = v1EditionOf(metainfo);
  const own = edition ? 'hybrid' : 'v2';
  const wanted = format ?? (edition && metainfo.single ? 'v1' : own);
  if (wanted === own) return torrent;
  if (wanted === 'v1' && edition) {
    return encodeMetainfo({ infoBytes: edition.infoBytes, pieceLayers: null });
  }
  const text = `${metainfo.name} is a ${own} artifact: it cannot be had as ${wanted}.`;
  throw new FleetseedError('REQUEST_INVALID', text, { format: wanted });
}

function fileAnswer(bytes: Buffer, headers: Readonly<Record<string, string>>): Response {
  return new Response(new Uint8Array(bytes), {
    headers: { 'content-type': TORRENT, 'content-length': String(bytes.length), ...headers },
  });
}
