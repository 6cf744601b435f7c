import { mkdir, mkdtemp, readlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { AppJournal } from '../journal/app-journal.js';
import { releaseFolder, type InstalledRelease } from '../journal/app-state.js';
import { Activator } from './activator.js';
import { setReleaseLink } from './release-links.js';

let home: string;
let file: string;

async function openJournal(): Promise<AppJournal> {
  return AppJournal.open(file, 'web', 'stable', home);
}

async function install(journal: AppJournal, version: string): Promise<InstalledRelease> {
  const artifact = Buffer.alloc(32, version).toString('hex');
  const folder = releaseFolder(version, artifact);
  await mkdir(join(home, 'releases', folder), { recursive: true });
  await writeFile(join(home, 'releases', folder, 'version'), version);
  const release = { version, artifact, folder, bytes: 1, stagedAt: 1 };
  await journal.record({ releases: [...journal.state.releases, release] });
  return release;
}

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'activator-'));
  home = join(folder, 'home');
  file = join(folder, 'state', 'web.json');
  await mkdir(home);
});

describe('Activator', () => {
  it('points current at the new release and previous at the old', async () => {
    const journal = await openJournal();
    const [one, two] = [await install(journal, '1'), await install(journal, '2')];
    const activator = new Activator(journal);
    await activator.activate(one);
    await activator.activate(two);
    expect(await readlink(join(home, 'current'))).toBe(`releases/${two.folder}`);
    expect((await activator.current())?.version).toBe('2');
    expect((await activator.previous())?.version).toBe('1');
    expect(journal.state.intent).toBeNull();
  });

  it('keeps previous when the current release is activated again', async () => {
    const journal = await openJournal();
    const [one, two] = [await install(journal, '1'), await install(journal, '2')];
    const activator = new Activator(journal);
    for (const release of [one, two, two]) await activator.activate(release);
    expect((await activator.previous())?.version).toBe('1');
  });

  it('finishes what was interrupted before any link moved', async () => {
    const before = await openJournal();
    const [one, two] = [await install(before, '1'), await install(before, '2')];
    await new Activator(before).activate(one);
    await before.record({ intent: { activate: '2', artifact: two.artifact } });

    const activator = new Activator(await openJournal());
    expect(await activator.recover()).toBe(true);
    expect((await activator.current())?.version).toBe('2');
    expect((await activator.previous())?.version).toBe('1');
    expect(await activator.recover()).toBe(false);
  });

  it('finishes what was interrupted between the two links', async () => {
    const before = await openJournal();
    const [one, two] = [await install(before, '1'), await install(before, '2')];
    await new Activator(before).activate(one);
    await before.record({ intent: { activate: '2', artifact: two.artifact } });
    await setReleaseLink(home, 'previous', one.folder);

    const activator = new Activator(await openJournal());
    await activator.recover();
    expect((await activator.current())?.version).toBe('2');
    expect((await activator.previous())?.version).toBe('1');
  });

  it('finishes with the release that was meant, when another has the same content', async () => {
    const before = await openJournal();
    const one = await install(before, '1');
    const folder = releaseFolder('2', one.artifact);
    await mkdir(join(home, 'releases', folder));
    const two = { ...one, version: '2', folder };
    await before.record({ releases: [one, two] });
    await before.record({ intent: { activate: '2', artifact: one.artifact } });

    const activator = new Activator(await openJournal());
    await activator.recover();
    expect((await activator.current())?.version).toBe('2');
  });
});
