import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { systemErrorCode } from '#lib/contracts';
import {
  adoptArtifact,
  partialOf,
  stageArtifact,
  verifyInstalled,
  type StageBytes,
} from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import { releaseFolder, type InstalledRelease } from '../journal/app-state.js';
import { artifactRoot, isInstalled, releasesFolder } from './artifact-folder.js';
import { leftovers, removedName } from './leftovers.js';
import { ReleaseSeeds, type ReleaseSeedsOptions } from './release-seeds.js';
import type { StageOrder, StageProgress, Stager } from './stager.js';

/** A stage that was completed, for the account. */
export interface StageResult {
  readonly order: StageOrder;
  readonly bytes: StageBytes;
  readonly seconds: number;
}

export interface SwarmStagerOptions extends ReleaseSeedsOptions {
  /** Bytes of free disk that must be left over; null for what is usual. */
  readonly reserveBytes: number | null;
  readonly onStaged: (result: StageResult) => Promise<void>;
}

type OnProgress = (progress: StageProgress) => void;

/** Stages over the swarm, and seeds what is installed. */
export class SwarmStager implements Stager {
  readonly #seeds: ReleaseSeeds;

  constructor(private readonly options: SwarmStagerOptions) {
    this.#seeds = new ReleaseSeeds(options);
  }

  /** Artifacts that are seeded, and those of them of which every byte is here. */
  get seeded(): { readonly count: number; readonly whole: readonly string[] } {
    const { seeds, whole } = this.#seeds.held;
    return { count: seeds.length, whole };
  }

  /** See {@link ReleaseSeeds.linkIsUp}. */
  linkIsUp(): void {
    this.#seeds.linkIsUp();
  }

  async stage(
    order: StageOrder,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<InstalledRelease> {
    const { artifact } = order.artifact;
    await this.#seeds.giveWay(artifact);
    try {
      return await this.#seeds.turns.take(artifact, signal, () =>
        this.#stage(order, signal, onProgress),
      );
    } finally {
      this.#seeds.begin(artifact);
    }
  }

  async confirm(home: string, release: InstalledRelease, signal: AbortSignal): Promise<boolean> {
    const { artifact, folder } = release;
    if (!(await isInstalled(home, folder))) return false;
    const seed = this.#seeds.held.seedAt(home, folder, artifact);
    if (seed) return seed.check(signal);
    const { session, hasher, metainfos } = this.options;
    const metainfo = await metainfos.read(artifact);
    if (!metainfo) return false;
    const root = artifactRoot(home, folder, metainfo);
    return (await verifyInstalled({ session, hasher, metainfo, root, signal })).all;
  }

  seed(home: string, release: InstalledRelease): void {
    this.#seeds.held.add(home, release);
    this.#seeds.begin(release.artifact);
  }

  async forget(home: string, release: InstalledRelease): Promise<void> {
    const { artifact, folder } = release;
    const { held, turns, local } = this.#seeds;
    const { metainfos } = this.options;
    held.remove(home, release);
    await this.#seeds.giveWay(artifact);
    if (held.seedAt(home, folder, artifact)) await this.#seeds.silence(artifact);
    const metainfo = await metainfos.read(artifact);
    if (metainfo) local.remove(artifactRoot(home, folder, metainfo));

    const releases = releasesFolder(home);
    const doomed = join(releases, removedName(folder));
    await rm(doomed, { recursive: true, force: true });
    await renameIfThere(join(releases, folder), doomed);
    await rm(doomed, { recursive: true, force: true });
    await rm(join(releases, `${folder}.meta`), { recursive: true, force: true });

    this.#seeds.begin(artifact);
    // Another app may be about to have it.
    if (held.releaseOf(artifact) || turns.isBusy(artifact)) return;
    await metainfos.remove(artifact);
    await rm(this.#seeds.signaturesFile(artifact), { force: true });
  }

  async close(): Promise<void> {
    await this.#seeds.close();
  }

  async #stage(
    order: StageOrder,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<InstalledRelease> {
    const { home, version } = order;
    const { artifact } = order.artifact;
    const { held } = this.#seeds;
    const folder = releaseFolder(version, artifact);
    // It may stand and be seeded already, when the journal could not be written after the last stage.
    const standing = held.seedOf(artifact);
    const seed = held.seedAt(home, folder, artifact);
    if (standing && (await seed?.check(signal))) return standing.release;
    const metainfo = await this.options.metainfos.obtain(artifact, signal);
    await mkdir(releasesFolder(home), { recursive: true });
    // An artifact is in the session once; where another release has it, its files are only copied.
    await this.#seeds.silence(artifact);
    const adopted = await this.#adopt(order, metainfo, signal);
    if (adopted) return adopted;
    await this.#clearTheWay(home, folder);
    return this.#download(order, metainfo, signal, onProgress);
  }

  /**
   * A release that has its name but is not in the journal came there right before a crash, or the journal
   * is lost and it is the current one: it is not moved if it is whole.
   */
  async #adopt(
    order: StageOrder,
    metainfo: Metainfo,
    signal: AbortSignal,
  ): Promise<InstalledRelease | null> {
    const { clock } = this.options;
    const began = clock.monotonic();
    const places = this.#placesOf(order, metainfo);
    const seed = this.#seeds.optionsFor(metainfo, places.root);
    const bytes = await adoptArtifact({ ...seed, ...places, signal });
    if (!bytes) return null;
    const release = this.#releaseOf(order, metainfo);
    this.#seeds.held.add(order.home, release);
    this.#seeds.local.add(places.root, metainfo);
    await this.#tell({ order, bytes, seconds: (clock.monotonic() - began) / 1000 });
    return release;
  }

  async #download(
    order: StageOrder,
    metainfo: Metainfo,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<InstalledRelease> {
    const { session, hasher, reserveBytes, door, clock, logger } = this.options;
    const ticket = await door.ticketFor(order.artifact.artifact, signal);
    const staged = await stageArtifact({
      ...this.#placesOf(order, metainfo),
      session,
      hasher,
      metainfo,
      access: door.accessFor(metainfo, ticket),
      local: this.#seeds.local,
      reserveBytes,
      clock,
      logger,
      signal,
      onProgress: ({ haveBytes, bytesPerSecond }) => {
        const fraction = metainfo.length === 0 ? 1 : haveBytes / metainfo.length;
        onProgress({ fraction, bytesPerSecond });
      },
    });
    const release = this.#releaseOf(order, metainfo);
    await this.#seeds.takeOver({ home: order.home, release }, metainfo, staged);
    await this.#tell({ order, bytes: staged.bytes, seconds: staged.seconds });
    return release;
  }

  /** The release is there; that its account could not be kept must not make it a failure. */
  async #tell(result: StageResult): Promise<void> {
    const { onStaged, logger } = this.options;
    await onStaged(result).catch((error: unknown) => {
      logger.error('account of a stage lost', { version: result.order.version, error });
    });
  }

  #releaseOf(
    { version, artifact: { artifact } }: StageOrder,
    metainfo: Metainfo,
  ): InstalledRelease {
    const folder = releaseFolder(version, artifact);
    const stagedAt = this.options.clock.now();
    return { version, artifact, folder, bytes: metainfo.length, stagedAt };
  }

  #placesOf({ home, version, artifact: { artifact } }: StageOrder, metainfo: Metainfo) {
    const folder = releaseFolder(version, artifact);
    return {
      root: artifactRoot(home, folder, metainfo),
      container: join(releasesFolder(home), folder),
      stateFolder: join(this.options.stateFolder, 'stages'),
    };
  }

  /** Removes what earlier wishes left behind, and takes up what stands there and is not whole. */
  async #clearTheWay(home: string, folder: string): Promise<void> {
    const releases = releasesFolder(home);
    for (const name of leftovers(await readdir(releases), folder)) {
      await rm(join(releases, name), { recursive: true, force: true });
    }
    if (!(await isInstalled(home, folder))) return;
    const path = join(releases, folder);
    for (const kind of ['', '.meta']) {
      await rm(`${partialOf(path)}${kind}`, { recursive: true, force: true });
      await renameIfThere(`${path}${kind}`, `${partialOf(path)}${kind}`);
    }
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
