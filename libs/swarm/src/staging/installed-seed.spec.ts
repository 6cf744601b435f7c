import { execFileSync } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { artifactOf, eventually, KIB, MIB } from '../session/session.fixture.js';
import type { InstalledSeed } from './installed-seed.js';
import { StagingMachine } from './staging.fixture.js';

const artifact = artifactOf({ files: [MIB, 300 * KIB, 70 * KIB] });
const first = artifact.payload.subarray(0, MIB);
const { signal } = new AbortController();

let machine: StagingMachine;
let seed: InstalledSeed;
let file: string;

beforeEach(async () => {
  machine = await StagingMachine.create(artifact);
  seed = await machine.install();
  file = join(machine.root, 'file-00000');
});
afterEach(() => machine.close());

/** Waits until all is served again. @returns whether the file is what it was, and is looked after */
async function isRightInTheEnd(): Promise<boolean> {
  await eventually(() => seed.torrent.have.all && seed.damaged === 0).toBe(true);
  return (await readFile(file)).equals(first) && seed.check(signal);
}

describe('InstalledSeed', () => {
  it('puts a damaged file right, and fetches only what is wrong of it', async () => {
    const changed = Buffer.from(first);
    changed.fill(7, 100, 200);
    await writeFile(file, changed);
    expect(await seed.check(signal)).toBe(false);
    const before = seed.torrent.stats().bytes.fromPeers;
    expect(await isRightInTheEnd()).toBe(true);
    expect(seed.torrent.stats().bytes.fromPeers - before).toBe(artifact.metainfo.pieceLength);
  });

  it('fetches nothing for a file that was only touched', async () => {
    const before = seed.torrent.stats().bytes.fromPeers;
    await utimes(file, 1, 1);
    expect(await seed.check(signal)).toBe(false);
    expect(await isRightInTheEnd()).toBe(true);
    expect(seed.torrent.stats().bytes.fromPeers).toBe(before);
  });

  it('never reads through what was put in the place of a file', async () => {
    const secret = join(machine.folder, 'secret');
    await writeFile(secret, Buffer.alloc(MIB, 'secret'));
    await rm(file);
    await symlink(secret, file);
    await seed.check(signal);
    expect(await isRightInTheEnd()).toBe(true);

    await rm(file);
    execFileSync('mkfifo', [file]);
    await seed.check(signal);
    expect(await isRightInTheEnd()).toBe(true);
    expect((await readFile(secret)).equals(Buffer.alloc(MIB, 'secret'))).toBe(true);
  });

  it('tries again what cannot take its place now', async () => {
    await rm(file);
    await mkdir(join(file, 'in the way'), { recursive: true });
    await seed.check(signal);
    await eventually(() => seed.torrent.stats().bytes.fromPeers).toBeGreaterThan(
      artifact.payload.length,
    );
    await eventually(() => seed.damaged).toBe(0);
    expect(seed.torrent.have.all).toBe(false);

    await rename(file, join(machine.folder, 'aside'));
    machine.clock.advance(60_000);
    expect(await isRightInTheEnd()).toBe(true);
  });

  it('looks at the files by itself, now and then', async () => {
    await writeFile(file, 'short');
    machine.clock.advance(60_000);
    await eventually(() => seed.torrent.have.all).toBe(false);
    expect(await isRightInTheEnd()).toBe(true);
  });

  it('takes up what an earlier process left, and puts right what was edited meanwhile', async () => {
    await seed.stop();
    await writeFile(file, 'edited');
    seed = await machine.reopen();
    expect(await isRightInTheEnd()).toBe(true);
  });

  it('leaves nothing of its repairs when it stops', async () => {
    await writeFile(file, 'edited');
    await seed.check(signal);
    await eventually(() => seed.damaged).toBe(1);
    await seed.stop();
    expect(await readdir(dirname(machine.root))).toEqual(['1-abc']);
  });
});
