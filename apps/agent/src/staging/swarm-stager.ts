import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { FleetseedError, systemErrorCode } from '#lib/contracts';
import type { Clock, Logger } from '#lib/runtime';
import {
  InstalledSeed,
  LocalContent,
  partialOf,
  stageArtifact,
  type HashPool,
  type Session,
  type StageBytes,
} from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import { releaseFolder, type InstalledRelease } from '../journal/app-state.js';
import type { SwarmDoor } from '../swarm/swarm-door.js';
import { artifactRoot, releasesFolder } from './artifact-folder.js';
import { HeldArtifacts } from './held-artifacts.js';
import type { MetainfoStore } from './metainfo-store.js';
import type { StageOrder, StageProgress, Stager } from './stager.js';

/** A stage that was completed, for the account. */
export interface StageResult {
  readonly order: StageOrder;
  readonly bytes: StageBytes;
  readonly seconds: number;
}

export interface SwarmStagerOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfos: MetainfoStore;
  /** `<data>/state`. */
  readonly stateFolder: string;
  readonly reserveBytes: number | null;
  readonly door: SwarmDoor;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStaged: (result: StageResult) => Promise<void>;
}

/** Stages over the swarm, and seeds what is installed. */
export class SwarmStager implements Stager {
  readonly held = new HeldArtifacts();
  readonly #local = new LocalContent();
  /** Starts of seeding that are under way, by artifact. */
  readonly #starting = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(private readonly options: SwarmStagerOptions) {}

  async stage(
    order: StageOrder,
    signal: AbortSignal,
    onProgress: (progress: StageProgress) => void,
  ): Promise<InstalledRelease> {
    const { artifact } = order.artifact;
    await this.#starting.get(artifact);
    const metainfo = await this.options.metainfos.obtain(artifact, signal);
    const folder = releaseFolder(order.version, artifact);
    await this.#clearTheWay(order.home, folder);
    // An artifact is in the session once; where another release has it, its files are only copied.
    const other = this.held.seedOf(artifact);
    if (other) await this.#stopSeeding(artifact);
    try {
      await this.#download(order, metainfo, folder, signal, onProgress);
    } catch (error) {
      if (other) this.seed(other.home, other.release);
      throw error;
    }
    return this.held.seedOf(artifact)!.release;
  }

  seed(home: string, release: InstalledRelease): void {
    const { artifact } = release;
    this.held.add(home, release);
    if (this.held.seedOf(artifact) || this.#starting.has(artifact)) return;
    const started = this.#startSeeding(home, release)
      .catch((error: unknown) => {
        if (this.#stopped.signal.aborted) return;
        this.options.logger.warn('release not seeded', { version: release.version, error });
      })
      .finally(() => this.#starting.delete(artifact));
    this.#starting.set(artifact, started);
  }

  async forget(home: string, release: InstalledRelease): Promise<void> {
    const { artifact, folder } = release;
    await this.#starting.get(artifact);
    const metainfo = await this.options.metainfos.read(artifact);
    if (metainfo) this.#local.remove(artifactRoot(home, folder, metainfo));
    const seed = this.held.seedOf(artifact);
    if (seed?.home === home && seed.release.folder === folder) await this.#stopSeeding(artifact);
    // Under another name first: what is half removed must not look like a release.
    const path = join(releasesFolder(home), folder);
    const doomed = join(releasesFolder(home), `.removed-${folder}`);
    await renameIfThere(path, doomed);
    await rm(doomed, { recursive: true, force: true });
    await rm(`${path}.meta`, { recursive: true, force: true });
    const next = this.held.remove(home, release);
    if (next) return this.seed(next.home, next.release);
    await this.options.metainfos.remove(artifact);
    await rm(this.#signaturesFile(artifact), { force: true });
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#starting.values());
    await Promise.all(this.held.seeds.map(({ release }) => this.#stopSeeding(release.artifact)));
  }

  async #download(
    order: StageOrder,
    metainfo: Metainfo,
    folder: string,
    signal: AbortSignal,
    onProgress: (progress: StageProgress) => void,
  ): Promise<void> {
    const { session, hasher, stateFolder, reserveBytes, clock, logger } = this.options;
    const { artifact } = order.artifact;
    const root = artifactRoot(order.home, folder, metainfo);
    const ticket = await this.options.door.ticketFor(artifact);
    const { torrent, store, bytes, seconds } = await stageArtifact({
      session,
      hasher,
      metainfo,
      root,
      container: join(releasesFolder(order.home), folder),
      stateFolder: join(stateFolder, 'stages'),
      access: this.options.door.accessFor(metainfo, ticket),
      local: this.#local,
      reserveBytes,
      clock,
      logger,
      signal,
      onProgress: ({ haveBytes, bytesPerSecond }) => {
        const fraction = metainfo.length === 0 ? 1 : haveBytes / metainfo.length;
        onProgress({ fraction, bytesPerSecond });
      },
    });
    const seed = await InstalledSeed.afterStage(this.#seedOptions(metainfo, root), torrent, store);
    const { home, version } = order;
    const release = { version, artifact, folder, bytes: metainfo.length, stagedAt: clock.now() };
    this.held.seeding(home, release, seed);
    this.#local.add(root, metainfo);
    await this.options.onStaged({ order, bytes, seconds });
  }

  async #startSeeding(home: string, release: InstalledRelease): Promise<void> {
    const metainfo = await this.options.metainfos.read(release.artifact);
    if (!metainfo) {
      throw new FleetseedError('ARTIFACT_NOT_FOUND', 'The metainfo of the release is lost.');
    }
    const root = artifactRoot(home, release.folder, metainfo);
    this.#local.add(root, metainfo);
    const { door } = this.options;
    const ticket = await door.ticketWhenever(release.artifact, this.#stopped.signal);
    const access = door.accessFor(metainfo, ticket);
    const seed = await InstalledSeed.open(this.#seedOptions(metainfo, root), access);
    this.held.seeding(home, release, seed);
  }

  async #stopSeeding(artifact: string): Promise<void> {
    await this.held.seedOf(artifact)?.seed.stop();
    this.held.silent(artifact);
  }

  #seedOptions(metainfo: Metainfo, root: string) {
    const { session, hasher, clock, logger } = this.options;
    const signaturesFile = this.#signaturesFile(metainfo.infoHashV2!.toString('hex'));
    return { session, hasher, metainfo, root, signaturesFile, clock, logger };
  }

  #signaturesFile(artifact: string): string {
    return join(this.options.stateFolder, 'artifacts', `${artifact}.signatures`);
  }

  /**
   * Removes what earlier wishes left behind: one release of an app is staged at a time. A release that
   * has its name but is not in the journal came there right before a crash; it is staged again, from
   * itself.
   */
  async #clearTheWay(home: string, folder: string): Promise<void> {
    const releases = releasesFolder(home);
    await mkdir(releases, { recursive: true });
    await mkdir(join(this.options.stateFolder, 'artifacts'), { recursive: true });
    for (const name of await readdir(releases)) {
      const left = /\.partial(?:\.meta)?$|\.repair$|^\.removed-/.test(name);
      if (left && !name.startsWith(`${folder}.`)) {
        await rm(join(releases, name), { recursive: true, force: true });
      }
    }
    const path = join(releases, folder);
    await renameIfThere(path, partialOf(path));
    await renameIfThere(`${path}.meta`, `${partialOf(path)}.meta`);
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
