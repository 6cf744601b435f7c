import { setTimeout as sleep } from 'node:timers/promises';

import {
  toFleetseedError,
  type DesiredApp,
  type FleetseedError,
  type StagePhase,
  type TargetApp,
} from '#lib/contracts';
import { backoffDelay, type Clock, type Logger, type Random } from '#lib/runtime';

import type { Activator } from '../activation/activator.js';
import type { AppJournal } from '../journal/app-journal.js';
import type { InstalledRelease } from '../journal/app-state.js';
import type { StageProgress, Stager } from '../staging/stager.js';
import { nextStep, releasesToRemove, type Step } from './next-step.js';

export interface AppRunnerOptions {
  readonly journal: AppJournal;
  readonly activator: Activator;
  readonly stager: Stager;
  readonly keepReleases: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called after every change that is worth a report. */
  readonly onChange: () => void;
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
  /** Ends the step under way, or the wait before the next try. */
  #interrupt = new AbortController();
  readonly #stopped = new AbortController();

  constructor(private readonly options: AppRunnerOptions) {}

  get app(): string {
    return this.options.journal.state.app;
  }

  /** Finishes what a crash interrupted and takes up seeding of all that is installed. */
  async start(): Promise<void> {
    const { activator, journal, stager, logger } = this.options;
    if (await activator.recover())
      logger.info('activation finished after a crash', { app: this.app });
    await this.#readLinks();
    for (const release of journal.state.releases) stager.seed(journal.state.home, release);
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
        this.#fail(toFleetseedError(error));
        await this.#pause(++failures, signal);
      }
    }
  }

  async #take(step: Exclude<Step, { kind: 'rest' }>, signal: AbortSignal): Promise<void> {
    if (step.kind === 'activate') return this.#activate(step.release);
    const { journal, stager, onChange } = this.options;
    const { release } = this.#desired!;
    this.#become('STAGING');
    const order = {
      app: this.app,
      version: release!.version,
      artifact: release!.artifact,
      home: journal.state.home,
    };
    const installed = await stager.stage(order, signal, (progress) => {
      this.#progress = progress;
      onChange();
    });
    const others = journal.state.releases.filter((each) => each.folder !== installed.folder);
    await journal.record({ releases: [...others, installed] });
    this.#become('STAGED');
  }

  async #activate(release: InstalledRelease): Promise<void> {
    const { activator, journal, logger } = this.options;
    this.#become('ACTIVATING');
    await activator.activate(release);
    await journal.record({ sequence: this.#desired?.sequence ?? journal.state.sequence });
    await this.#readLinks();
    this.#become('ACTIVE');
    logger.info('release activated', { app: this.app, version: release.version });
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const { journal, stager, keepReleases, logger } = this.options;
    const kept = new Set([this.#current?.folder ?? '', this.#previous?.folder ?? '']);
    for (const release of releasesToRemove(journal.state.releases, kept, keepReleases)) {
      // The journal first: a release that is half removed must not be offered or activated.
      const rest = journal.state.releases.filter((each) => each.folder !== release.folder);
      await journal.record({ releases: rest });
      await stager.forget(journal.state.home, release);
      logger.info('old release removed', { app: this.app, version: release.version });
    }
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

  #settle(): void {
    if (this.#phase === 'STAGED') return;
    this.#become(this.#current ? 'ACTIVE' : 'IDLE');
  }

  #become(phase: StagePhase): void {
    if (phase === 'STAGING') this.#progress = { fraction: 0, bytesPerSecond: 0 };
    this.#phase = phase;
    this.#error = null;
    this.options.onChange();
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
