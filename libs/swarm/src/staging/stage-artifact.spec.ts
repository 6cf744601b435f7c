import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { systemClock } from '#lib/runtime';

import { artifactOf, eventually, KIB, MIB } from '../session/session.fixture.js';
import { adoptArtifact } from './adopt-artifact.js';
import { StagingMachine } from './staging.fixture.js';

const single = artifactOf({ files: [4 * MIB] });
const tree = artifactOf({ files: [MIB, 300 * KIB, 70 * KIB] });

let machine: StagingMachine;
afterEach(() => machine.close());

/** Stages until about a quarter is there, then is stopped. */
async function interrupted(): Promise<void> {
  const stop = new AbortController();
  const onProgress = ({ haveBytes }: { haveBytes: number }) => {
    if (haveBytes > MIB) stop.abort(new Error('stopped'));
  };
  await expect(machine.stage({ signal: stop.signal, onProgress })).rejects.toThrow('stopped');
}

describe('stageArtifact', () => {
  it('shows nothing under the final name of a single file before all of it is there', async () => {
    machine = await StagingMachine.create(single, 4 * MIB);
    const seen = new Set<string>();
    const { bytes } = await machine.stage({
      onProgress: ({ haveBytes }) => {
        if (haveBytes < 4 * MIB && existsSync(machine.container)) seen.add(machine.container);
      },
    });
    expect([...seen]).toEqual([]);
    expect(bytes.fromPeers).toBe(4 * MIB);
    expect((await readFile(machine.root)).equals(single.payload)).toBe(true);
  });

  it('goes on where it was stopped', async () => {
    machine = await StagingMachine.create(single, 4 * MIB);
    await interrupted();
    expect(existsSync(machine.container)).toBe(false);
    const { bytes, torrent } = await machine.stage();
    expect(torrent.stats().bytes.fromPeers).toBeLessThanOrEqual(3 * MIB);
    expect(bytes.fromPeers).toBe(4 * MIB);
  });

  it('counts as wasted what an earlier try received and is no longer there', async () => {
    machine = await StagingMachine.create(single, 4 * MIB);
    await interrupted();
    await truncate(join(`${machine.container}.partial`, 'artifact'), 0);
    const { bytes } = await machine.stage();
    expect(bytes.fromPeers).toBe(4 * MIB);
    expect(bytes.wasted).toBeGreaterThanOrEqual(MIB);
  });

  it('keeps no state of a stage that is over, whatever its torrent does later', async () => {
    machine = await StagingMachine.create(tree);
    const seed = await machine.install();
    const file = join(machine.root, 'file-00000');
    await writeFile(file, Buffer.alloc(MIB, 1));
    expect(await seed.check(new AbortController().signal)).toBe(false);
    await eventually(() => seed.torrent.have.all && seed.damaged === 0).toBe(true);
    // Longer than the pace at which a stage writes down what it has.
    await new Promise((resolve) => systemClock.setTimer(700, () => resolve(null)));
    expect(await readdir(machine.stateFolder)).toEqual([]);
  });
});

describe('adoptArtifact', () => {
  const adopt = () =>
    adoptArtifact({
      ...machine.seedOptions,
      container: machine.container,
      stateFolder: machine.stateFolder,
      signal: new AbortController().signal,
    });

  it('takes over what stands there whole, without moving it', async () => {
    machine = await StagingMachine.create(tree);
    await mkdir(dirname(machine.seedOptions.signaturesFile), { recursive: true });
    const { torrent, store } = await machine.stage();
    await machine.session.remove(torrent);
    await store.close();
    expect(await adopt()).toMatchObject({ reused: tree.payload.length, fromPeers: 0 });
    const seed = await machine.reopen();
    expect(seed.torrent.have.all).toBe(true);
  });

  it('leaves alone what is lacking or differs', async () => {
    machine = await StagingMachine.create(tree);
    expect(await adopt()).toBeNull();
    const { torrent, store } = await machine.stage();
    await machine.session.remove(torrent);
    await store.close();
    await truncate(join(machine.root, 'file-00001'), 5);
    expect(await adopt()).toBeNull();
    await appendFile(join(machine.root, 'file-00001'), 'x');
    expect(await adopt()).toBeNull();
  });
});
