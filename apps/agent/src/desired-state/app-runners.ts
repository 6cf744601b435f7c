import type { DesiredApp, TargetApp } from '#lib/contracts';
import type { Clock, Logger, Random } from '#lib/runtime';

import { Activator } from '../activation/activator.js';
import type { AgentFolders } from '../agent-folders.js';
import type { FollowedApp } from '../config/agent-config.js';
import { AppJournal } from '../journal/app-journal.js';
import type { Stager } from '../staging/stager.js';
import type { Tell } from '../tell.js';
import { AppRunner } from './app-runner.js';

export interface AppRunnersOptions {
  readonly apps: readonly FollowedApp[];
  readonly folders: AgentFolders;
  readonly stager: Stager;
  readonly keepReleases: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tell: Tell;
  /** Called after every change that is worth a report at once. */
  readonly onChange: () => void;
  /** Called a few times a second while something is staged. */
  readonly onProgress: () => void;
}

/** The runners of all apps that this agent keeps. */
export class AppRunners {
  readonly #runners = new Map<string, AppRunner>();
  /** The version of each app that was told to be active last. */
  readonly #active = new Map<string, string>();

  constructor(private readonly options: AppRunnersOptions) {}

  /** Takes up what is installed; needs no origin. @throws CONFIG_INVALID, DISK_IO */
  async start(): Promise<void> {
    for (const followed of this.options.apps) {
      const runner = await this.#open(followed);
      await runner.start();
      this.#runners.set(followed.app, runner);
    }
  }

  /** What is not kept here is not this machine's business. */
  want(apps: readonly DesiredApp[]): void {
    for (const desired of apps) this.#runners.get(desired.app)?.want(desired);
  }

  describe(): TargetApp[] {
    return [...this.#runners.values()].map((runner) => runner.describe());
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
  }

  async #open(followed: FollowedApp): Promise<AppRunner> {
    const { folders, stager, keepReleases, clock, random, logger, onProgress } = this.options;
    const { app, channel } = followed;
    const home = folders.homeOf(followed);
    const journal = await AppJournal.open(folders.journalFile(app), app, channel, home);
    return new AppRunner({
      journal,
      activator: new Activator(journal),
      stager,
      keepReleases,
      clock,
      random,
      logger,
      onChange: () => this.#changed(app),
      onProgress,
    });
  }

  /** Every change is reported; whoever started the agent is told when another release is active. */
  #changed(app: string): void {
    const { tell, onChange } = this.options;
    const state = this.#runners.get(app)?.describe();
    if (state?.phase === 'ACTIVE' && state.current !== null) {
      const version = state.current;
      if (this.#active.get(app) !== version) tell({ event: 'active', app, version });
      this.#active.set(app, version);
    }
    onChange();
  }
}
