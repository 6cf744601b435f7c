import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { FleetseedError, type DesiredApp, type StagePhase } from '#lib/contracts';
import { seededRandom, silentLogger, systemClock } from '#lib/runtime';

import { Activator } from '../activation/activator.js';
import { AppJournal } from '../journal/app-journal.js';
import { releaseFolder, type InstalledRelease } from '../journal/app-state.js';
import type { StageOrder, Stager } from '../staging/stager.js';
import { AppRunner } from './app-runner.js';

/** Stages by making the folder; a test may make it fail, or hold it until told otherwise. */
class FolderStager implements Stager {
  readonly staged: string[] = [];
  readonly forgotten: string[] = [];
  readonly aborted: string[] = [];
  failWith: Error | null = null;
  hold: string | null = null;
  damaged: string | null = null;
  #time = 0;

  async stage(order: StageOrder, signal: AbortSignal): Promise<InstalledRelease> {
    if (this.failWith) throw this.failWith;
    if (this.hold === order.version) {
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }).finally(() => this.aborted.push(order.version));
    }
    const { artifact } = order.artifact;
    const folder = releaseFolder(order.version, artifact);
    await mkdir(join(order.home, 'releases', folder), { recursive: true });
    this.staged.push(order.version);
    return { version: order.version, artifact, folder, bytes: 1, stagedAt: ++this.#time };
  }

  seed(): void {}

  async confirm(_home: string, release: InstalledRelease): Promise<boolean> {
    return release.version !== this.damaged;
  }

  async forget(home: string, release: InstalledRelease): Promise<void> {
    this.forgotten.push(release.version);
    await rm(join(home, 'releases', release.folder), { recursive: true });
  }
}

function desired(version: string, sequence: number): DesiredApp {
  const artifact = Buffer.alloc(32, version).toString('hex');
  const facts = { infoHashV1: null, infoHashV2: artifact, name: 'web', single: false };
  const sizes = { bytes: 1, files: 1, pieces: 1, pieceLength: 65_536 };
  const release = { version, artifact: { artifact, ...facts, ...sizes } };
  return { app: 'web', channel: 'stable', sequence, release, activate: true };
}

let folder: string;
let home: string;
let journal: AppJournal;
let stager: FolderStager;
let runner: AppRunner;
let wake: () => void;

/** Resolves when the runner reports the phase for that version. */
async function reached(phase: StagePhase, current: string | null): Promise<void> {
  for (;;) {
    const state = runner.describe();
    if (state.phase === phase && state.current === current) return;
    await new Promise<void>((resolve) => (wake = resolve));
  }
}

/** As a process does when it starts. */
async function start(at: string): Promise<AppRunner> {
  journal = await AppJournal.open(join(folder, 'web.json'), 'web', 'stable', at);
  runner = new AppRunner({
    journal,
    activator: new Activator(journal),
    stager,
    keepReleases: 1,
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    onChange: () => wake(),
    onProgress: () => {},
  });
  await runner.start();
  return runner;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-'));
  home = join(folder, 'web');
  await mkdir(home);
  stager = new FolderStager();
  wake = () => {};
  runner = await start(home);
});

describe('AppRunner', () => {
  it('stages and activates what is wanted', async () => {
    runner.want(desired('1', 1));
    await reached('ACTIVE', '1');
    expect(stager.staged).toEqual(['1']);
  });

  it('goes straight to the newest wish, interrupting the one before', async () => {
    stager.hold = '1';
    runner.want(desired('1', 1));
    await reached('STAGING', null);
    runner.want(desired('2', 2));
    await reached('ACTIVE', '2');
    expect(stager.aborted).toEqual(['1']);
    expect(stager.staged).toEqual(['2']);
  });

  it('rolls back to the previous release without staging it again', async () => {
    for (const [version, sequence] of [
      ['1', 1],
      ['2', 2],
      ['1', 3],
    ] as const) {
      runner.want(desired(version, sequence));
      await reached('ACTIVE', version);
    }
    expect(stager.staged).toEqual(['1', '2']);
    expect(runner.describe().previous).toBe('2');
  });

  it('shows what is wrong and goes on when the wish comes again', async () => {
    stager.failWith = new FleetseedError('NO_SPACE', '5 bytes lacking.');
    runner.want(desired('1', 1));
    await reached('DEFERRED', null);
    expect(runner.describe().error).toEqual({ code: 'NO_SPACE', detail: '5 bytes lacking.' });
    stager.failWith = null;
    runner.want(desired('1', 1));
    await reached('ACTIVE', '1');
    expect(runner.describe().error).toBeNull();
  });

  it('defers also when it is its own journal that finds no room', async () => {
    stager.failWith = Object.assign(new Error('full'), { code: 'ENOSPC' });
    runner.want(desired('1', 1));
    await reached('DEFERRED', null);
    expect(runner.describe().error?.code).toBe('NO_SPACE');
  });

  it('removes what is neither current nor previous nor to be kept', async () => {
    for (const version of ['1', '2', '3']) {
      runner.want(desired(version, Number(version)));
      await reached('ACTIVE', version);
    }
    await runner.stop();
    expect(stager.forgotten).toEqual(['1']);
  });

  it('stages again what is not as it was staged, before it is activated', async () => {
    for (const version of ['1', '2']) {
      runner.want(desired(version, Number(version)));
      await reached('ACTIVE', version);
    }
    stager.damaged = '1';
    runner.want(desired('1', 3));
    await reached('ACTIVE', '1');
    expect(stager.staged).toEqual(['1', '2', '1']);
  });

  it('does not believe in releases that are gone, or lie in another folder now', async () => {
    runner.want(desired('1', 1));
    await reached('ACTIVE', '1');
    await runner.stop();
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    runner = await start(elsewhere);
    expect(journal.state.releases).toEqual([]);
    expect(runner.describe()).toMatchObject({ phase: 'IDLE', current: null });
    runner.want(desired('1', 1));
    await reached('ACTIVE', '1');
    expect(await readdir(join(elsewhere, 'releases'))).toHaveLength(1);
  });

  it('tells of a release that is to wait that it is staged, also after a restart', async () => {
    const waiting = { ...desired('1', 1), activate: false };
    runner.want(waiting);
    await reached('STAGED', null);
    await runner.stop();
    runner = await start(home);
    runner.want(waiting);
    await reached('STAGED', null);
    expect(stager.staged).toEqual(['1']);
  });
});
