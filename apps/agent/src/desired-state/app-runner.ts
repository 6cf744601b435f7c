import { setTimeout as sleep } from 'node:timers/promises';

import {
  FleetseedError,
  systemErrorCode,
  toFleetseedError,
  type DesiredApp,
  type StagePhase,
  type TargetApp,
} from '#lib/contracts';
import { backoffDelay, type Clock, type Logger, type Random } from '#lib/runtime';
import { diskError } from '#lib/swarm';

import type { Activator } from '../activation/activator.js';
import type { AppJournal } from '../journal/app-journal.js';
import type { InstalledRelease } from '../journal/app-state.js';
import { isInstalled } from '../staging/artifact-folder.js';
import type { StageProgress, Stager } from '../staging/stager.js';
import { nextStep, releasesToRemove, wantedRelease, type Step } from './next-step.js';

export interface AppRunnerOptions {
  readonly journal: AppJournal;
  readonly activator: Activator;
  readonly stager: Stager;
  readonly keepReleases: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called after every change that is worth a report at once. */
  readonly onChange: () => void;
  /** Called a few times a second while something is staged. */
  readonly onProgress: () => void;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Drives one app towards what is wanted of it: one step at a time, decided anew after each. A newer
 * wish interrupts the staging of an older one; what was verified by then is kept.
 */
export class AppRunner {
  #desired: DesiredApp | null = null;
  #phase: StagePhase = 'IDLE';
  #error: FleetseedError | null = null;
  #progress: StageProgress = { fraction: 0, bytesPerSecond: 0 };
  #current: InstalledRelease | null = null;
  #previous: InstalledRelease | null = null;
  #work: Promise<void> | null = null;
  /** The release that was staged right now: every byte of it has just been verified. */
  #fresh: InstalledRelease | null = null;
  /** Ends the step under way, or the wait before the next try. */
  #interrupt = new AbortController();
  readonly #stopped = new AbortController();

  constructor(private readonly options: AppRunnerOptions) {}

  get app(): string {
    return this.options.journal.state.app;
  }

  get #home(): string {
    return this.options.journal.state.home;
  }

  /** Finishes what a crash interrupted and takes up seeding of all that is installed. */
  async start(): Promise<void> {
    const { activator, journal, stager, logger } = this.options;
    await this.#dropMissing();
    if (await activator.recover())
      logger.info('activation finished after a crash', { app: this.app });
    await this.#readLinks();
    for (const release of journal.state.releases) stager.seed(this.#home, release);
    this.#phase = this.#current ? 'ACTIVE' : 'IDLE';
  }

  want(desired: DesiredApp): void {
    const before = this.#desired?.release?.artifact.artifact;
    this.#desired = desired;
    const changed = before !== desired.release?.artifact.artifact;
    // The same wish again only ends a wait: staging that goes well is not disturbed by it.
    if (changed || this.#phase === 'DEFERRED' || this.#phase === 'FAILED') this.#interrupt.abort();
    this.#kick();
  }

  describe(): TargetApp {
    const { app, channel } = this.options.journal.state;
    const wanted = this.#desired?.release ?? null;
    const isStaging = this.#phase === 'STAGING';
    const isThere =
      this.#phase === 'STAGED' || this.#phase === 'ACTIVE' || this.#phase === 'ACTIVATING';
    return {
      app,
      channel,
      wanted: wanted?.version ?? null,
      current: this.#current?.version ?? null,
      previous: this.#previous?.version ?? null,
      phase: this.#phase,
      artifact: wanted?.artifact.artifact ?? this.#current?.artifact ?? null,
      progress: isThere ? 1 : this.#progress.fraction,
      bytesPerSecond: isStaging ? this.#progress.bytesPerSecond : 0,
      error: this.#error ? { code: this.#error.code, detail: this.#error.message } : null,
    };
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#interrupt.abort();
    await this.#work;
  }

  #kick(): void {
    this.#work ??= this.#run().finally(() => {
      this.#work = null;
      // A wish may have come between the last decision and this moment.
      if (!this.#stopped.signal.aborted && this.#decide().kind !== 'rest') this.#kick();
    });
  }

  #decide(): Step {
    return nextStep(this.options.journal.state, this.#current, this.#desired);
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped.signal.aborted;) {
      if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
      const signal = AbortSignal.any([this.#interrupt.signal, this.#stopped.signal]);
      const step = this.#decide();
      if (step.kind === 'rest') return this.#settle();
      try {
        await this.#take(step, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) continue;
        this.#fail(this.#problemOf(error));
        await this.#pause(++failures, signal);
      }
    }
  }

  async #take(step: Exclude<Step, { kind: 'rest' }>, signal: AbortSignal): Promise<void> {
    if (step.kind === 'activate') return this.#activate(step.release, signal);
    const { journal, stager, onProgress } = this.options;
    const { release } = this.#desired!;
    this.#become('STAGING');
    const order = {
      app: this.app,
      version: release!.version,
      artifact: release!.artifact,
      home: this.#home,
    };
    const installed = await stager.stage(order, signal, (progress) => {
      this.#progress = progress;
      onProgress();
    });
    const others = journal.state.releases.filter((each) => each.folder !== installed.folder);
    await journal.record({ releases: [...others, installed] });
    this.#fresh = installed;
    this.#become('STAGED');
  }

  async #activate(release: InstalledRelease, signal: AbortSignal): Promise<void> {
    const { activator, journal, stager, logger } = this.options;
    this.#become('ACTIVATING');
    const isWhole = this.#fresh === release || (await stager.confirm(this.#home, release, signal));
    this.#fresh = null;
    if (!isWhole) {
      logger.warn('release is not as it was staged', { app: this.app, version: release.version });
      return this.#drop(release);
    }
    const sequence = this.#desired?.sequence ?? journal.state.sequence;
    await activator.activate(release);
    await journal.record({ sequence });
    await this.#readLinks();
    this.#become('ACTIVE');
    logger.info('release activated', { app: this.app, version: release.version });
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const { journal, stager, keepReleases, logger } = this.options;
    const wanted = wantedRelease(journal.state, this.#desired);
    const kept = new Set([this.#current, this.#previous, wanted].map((each) => each?.folder ?? ''));
    for (const release of releasesToRemove(journal.state.releases, kept, keepReleases)) {
      // The files first: what a crash leaves in the journal without them is dropped at the next start.
      await stager.forget(this.#home, release);
      await this.#drop(release);
      logger.info('old release removed', { app: this.app, version: release.version });
    }
  }

  /** What somebody removed by hand, or what lay in another folder, is not offered or activated. */
  async #dropMissing(): Promise<void> {
    const { logger, journal } = this.options;
    for (const release of journal.state.releases) {
      if (await isInstalled(this.#home, release.folder)) continue;
      logger.warn('release is gone', { app: this.app, version: release.version });
      await this.#drop(release);
    }
  }

  async #drop(release: InstalledRelease): Promise<void> {
    const { journal } = this.options;
    const releases = journal.state.releases.filter((each) => each.folder !== release.folder);
    await journal.record({ releases });
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const { random } = this.options;
    const delay = { startMs: FIRST_RETRY_MS, limitMs: LONGEST_RETRY_MS, random };
    await sleep(backoffDelay(failures, delay), undefined, { signal }).catch(() => {});
  }

  async #readLinks(): Promise<void> {
    this.#current = await this.options.activator.current();
    this.#previous = await this.options.activator.previous();
  }

  /** Nothing is to be done: what is wanted is active, or staged and told to wait, or nothing is wanted. */
  #settle(): void {
    const wanted = wantedRelease(this.options.journal.state, this.#desired);
    const isHeld = wanted !== null && wanted.folder !== this.#current?.folder;
    this.#become(isHeld ? 'STAGED' : this.#current ? 'ACTIVE' : 'IDLE');
  }

  #become(phase: StagePhase): void {
    if (phase === 'STAGING') this.#progress = { fraction: 0, bytesPerSecond: 0 };
    this.#phase = phase;
    this.#error = null;
    this.options.onChange();
  }

  /** What the system says in a step of an app, it says of the disk that the app is on. */
  #problemOf(error: unknown): FleetseedError {
    const isSystems = !(error instanceof FleetseedError) && systemErrorCode(error) !== undefined;
    return isSystems ? diskError(error, this.#home) : toFleetseedError(error);
  }

  /** Lack of space mends itself when somebody makes room: it defers, everything else failed. */
  #fail(error: FleetseedError): void {
    const { logger, onChange } = this.options;
    this.#phase = error.code === 'NO_SPACE' ? 'DEFERRED' : 'FAILED';
    this.#error = error;
    logger.warn('step failed', { app: this.app, code: error.code, reason: error.message });
    onChange();
  }
}
