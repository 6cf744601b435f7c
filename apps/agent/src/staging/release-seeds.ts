import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { untilAborted, type Clock, type Logger } from '#lib/runtime';
import {
  InspectionRounds,
  InstalledSeed,
  LocalContent,
  type HashPool,
  type InstalledSeedOptions,
  type Session,
  type StagedArtifact,
} from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import type { SwarmDoor } from '../swarm/swarm-door.js';
import { artifactRoot } from './artifact-folder.js';
import { ArtifactTurns } from './artifact-turns.js';
import { HeldArtifacts, type HeldRelease } from './held-artifacts.js';
import type { MetainfoStore } from './metainfo-store.js';

export interface ReleaseSeedsOptions {
  readonly session: Session;
  readonly hasher: HashPool;
  readonly metainfos: MetainfoStore;
  /** `<data>/state`. */
  readonly stateFolder: string;
  readonly door: SwarmDoor;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A start that can be ended before it has come to anything. */
interface Start {
  readonly abort: () => void;
  readonly ended: Promise<void>;
}

/**
 * So long at most, in milliseconds, seeds of the start let the control link go first: it may be down while
 * the origin answers.
 */
const LINK_FIRST_MS = 5_000;

/** A seed that the disk failed is taken up again after this, milliseconds. */
const RESEED_MS = 60_000;

/**
 * Seeds what is installed, each artifact from one of the releases that have it, as soon as the origin
 * hands out a ticket for it.
 */
export class ReleaseSeeds {
  readonly held = new HeldArtifacts();
  /** What stages may copy from. */
  readonly local = new LocalContent();
  readonly turns = new ArtifactTurns();
  readonly #rounds: InspectionRounds;
  readonly #starts = new Map<string, Start>();
  readonly #stopped = new AbortController();
  readonly #mayAsk = Promise.withResolvers<void>();
  readonly #cancelWait: () => void;

  constructor(private readonly options: ReleaseSeedsOptions) {
    this.#rounds = new InspectionRounds(options.clock);
    this.#cancelWait = options.clock.setTimer(LINK_FIRST_MS, () => this.#mayAsk.resolve());
  }

  /**
   * The control link is up. Before that a machine with hundreds of artifacts would ask for as many tickets,
   * and be known to the origin only after them.
   */
  linkIsUp(): void {
    this.#cancelWait();
    this.#mayAsk.resolve();
  }

  /** Seeds an artifact from any release that has it, unless it is seeded or that has begun. */
  begin(artifact: string): void {
    const held = this.held.releaseOf(artifact);
    const { signal: stopped } = this.#stopped;
    if (!held || stopped.aborted) return;
    if (this.held.seedOf(artifact) || this.#starts.has(artifact)) return;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, stopped]);
    const ended = this.turns
      .take(artifact, signal, () => this.#start(held, signal))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        const { version } = held.release;
        this.options.logger.warn('release not seeded', { version, error });
      })
      .finally(() => this.#starts.delete(artifact));
    this.#starts.set(artifact, { abort: () => stop.abort(), ended });
  }

  /** A start that waits, for the origin perhaps, gives way to whoever stages or removes the artifact. */
  async giveWay(artifact: string): Promise<void> {
    const start = this.#starts.get(artifact);
    start?.abort();
    await start?.ended;
  }

  /** Takes over from a stage that has just finished. */
  async takeOver(
    { home, release }: HeldRelease,
    metainfo: Metainfo,
    { torrent, store }: StagedArtifact,
  ): Promise<void> {
    const root = artifactRoot(home, release.folder, metainfo);
    const options = this.optionsFor(metainfo, root);
    try {
      await this.#makeFolder(options);
      const seed = await InstalledSeed.afterStage(options, torrent, store);
      this.held.seeding(home, release, seed);
    } catch (error) {
      await this.options.session.remove(torrent);
      await store.close();
      throw error;
    }
    this.local.add(root, metainfo);
  }

  async silence(artifact: string): Promise<void> {
    const seeded = this.held.seedOf(artifact);
    await seeded?.seed.stop();
    if (this.held.seedOf(artifact) === seeded) this.held.silent(artifact);
  }

  optionsFor(metainfo: Metainfo, root: string): InstalledSeedOptions {
    const { session, hasher, clock, logger } = this.options;
    const artifact = metainfo.infoHashV2!.toString('hex');
    return {
      session,
      hasher,
      metainfo,
      root,
      signaturesFile: this.signaturesFile(artifact),
      rounds: this.#rounds,
      clock,
      logger,
      onFailed: () => this.#beginAgain(artifact),
    };
  }

  signaturesFile(artifact: string): string {
    return join(this.options.stateFolder, 'artifacts', `${artifact}.signatures`);
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    this.#cancelWait();
    await this.turns.idle();
    await Promise.all(this.held.seeds.map(({ release }) => this.silence(release.artifact)));
  }

  async #start({ home, release }: HeldRelease, signal: AbortSignal): Promise<void> {
    const { artifact, folder } = release;
    const { door, metainfos } = this.options;
    if (this.held.seedOf(artifact)) return;
    const kept = await metainfos.read(artifact);
    // Of use to stages from now on, also while the origin is away.
    if (kept) this.local.add(artifactRoot(home, folder, kept), kept);
    await untilAborted(this.#mayAsk.promise, signal);
    const ticket = await door.ticketWhenever(artifact, signal);
    const metainfo = kept ?? (await metainfos.obtain(artifact, signal));
    const root = artifactRoot(home, folder, metainfo);
    const options = this.optionsFor(metainfo, root);
    await this.#makeFolder(options);
    const seed = await InstalledSeed.open(options, door.accessFor(metainfo, ticket));
    this.held.seeding(home, release, seed);
    this.local.add(root, metainfo);
  }

  #beginAgain(artifact: string): void {
    const failed = this.held.seedOf(artifact);
    const { signal } = this.#stopped;
    this.options.clock.setTimer(RESEED_MS, () => {
      if (signal.aborted || this.held.seedOf(artifact) !== failed) return;
      this.turns
        .take(artifact, signal, () => this.silence(artifact))
        .then(
          () => this.begin(artifact),
          (error: unknown) => this.options.logger.debug('seed not taken up', { artifact, error }),
        );
    });
  }

  async #makeFolder({ signaturesFile }: InstalledSeedOptions): Promise<void> {
    await mkdir(dirname(signaturesFile), { recursive: true });
  }
}
