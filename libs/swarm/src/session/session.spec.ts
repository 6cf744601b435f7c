import { afterEach, describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';

import { Bitfield } from '../bitfield.js';
import { MemoryStore } from '../disk/memory-store.js';
import {
  KIB,
  MIB,
  TestFleet,
  artifactOf,
  eventually,
  sentBy,
  type Machine,
  type TestArtifact,
} from './session.fixture.js';

let fleet: TestFleet | null = null;

function fleetOf(artifact: TestArtifact): TestFleet {
  fleet = new TestFleet(artifact);
  return fleet;
}

afterEach(async () => {
  await fleet?.close();
  fleet = null;
});

async function isWhole(machine: Machine, { payload }: TestArtifact): Promise<boolean> {
  return payload.equals(await machine.content());
}

const NO_WASTE = { hashFailure: 0, duplicate: 0, aborted: 0 };

describe('two machines', () => {
  const smallFiles = Array.from({ length: 700 }, (_, index) => 1 + ((index * 7919) % (20 * KIB)));

  it.each([
    ['a single file', 64 * KIB, () => [5 * MIB + 123]],
    ['a file of pieces larger than spans', 4 * MIB, () => [9 * MIB + 5]],
    ['a tree', 64 * KIB, () => [3 * MIB, 0, 17, 70 * KIB, 1 * MIB]],
    ['a tree of many small files', 16 * KIB, () => smallFiles],
  ])('transfer %s', async (_, pieceLength, files) => {
    const artifact = artifactOf({ files: files(), pieceLength });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin();
    const machine = await swarm.add();
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    const { bytes } = machine.torrent.stats();
    expect(bytes.fromOrigin).toBe(artifact.payload.length);
    expect(bytes.wasted).toEqual(NO_WASTE);
    expect(origin.torrent.stats().bytes.sent.first).toBe(artifact.payload.length);
    expect(sentBy(origin)).toBe(artifact.payload.length);
  });

  it('fetch nothing again of what was there', async () => {
    const artifact = artifactOf({ files: [2 * MIB], pieceLength: 64 * KIB });
    const { payload, metainfo } = artifact;
    const swarm = fleetOf(artifact);
    await swarm.origin();
    const store = new MemoryStore(payload.length);
    await store.write(MIB, payload.subarray(MIB));
    const have = new Bitfield(metainfo.pieceCount);
    have.setRange(metainfo.pieceCount / 2, metainfo.pieceCount / 2);
    const machine = await swarm.add({ store, have });
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    expect(machine.torrent.stats().bytes.fromOrigin).toBe(MIB);
  });

  it('count what they moved for good, also when the artifact is gone', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    const seed = await swarm.add({ complete: true, zone: 'here' });
    const machine = await swarm.add({ zone: 'there' });
    await machine.torrent.done;
    for (const { session, torrent } of [seed, machine]) await session.remove(torrent);
    expect(seed.session.moved()).toEqual({ sent: artifact.payload.length, fromAfar: 0 });
    expect(machine.session.moved()).toEqual({ sent: 0, fromAfar: artifact.payload.length });
  });

  it('fetch only what is wanted', async () => {
    const artifact = artifactOf({ files: [MIB, MIB, MIB], pieceLength: 64 * KIB });
    const { pieceCount } = artifact.metainfo;
    const wanted = new Bitfield(pieceCount);
    wanted.setRange(pieceCount / 3, pieceCount / 3);
    const swarm = fleetOf(artifact);
    await swarm.origin();
    const machine = await swarm.add({ wanted });
    await machine.torrent.done;
    expect(machine.torrent.stats().bytes.fromOrigin).toBe(MIB);
    expect([...machine.torrent.have.indices()]).toEqual([...wanted.indices()]);
  });

  it('part when both have everything', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin();
    const machine = await swarm.add();
    await machine.torrent.done;
    await eventually(() => origin.session.stats().connections).toBe(0);
    expect(machine.session.stats().connections).toBe(0);
  });

  it('hold to limits that are changed while they run', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    const began = performance.now();
    const origin = await swarm.origin({ uploadLimit: 256 * KIB });
    const machine = await swarm.add();
    await eventually(() => sentBy(origin)).toBeGreaterThan(300 * KIB);
    // One transfer more may be under way than the time allows for.
    const earned = (256 * KIB * (performance.now() - began)) / 1000;
    expect(sentBy(origin)).toBeLessThan(earned + 128 * KIB);
    origin.torrent.setLimits({ upload: null });
    machine.torrent.setLimits({ download: 4 * MIB });
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
  });

  it('do not take a limit of their own for a peer that fails', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    await swarm.add({ complete: true });
    const machine = await swarm.add({ downloadLimit: MIB, timeouts: { patienceMs: 100 } });
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    expect(machine.torrent.stats().bytes.wasted).toEqual(NO_WASTE);
  });

  it('go on after a pause', async () => {
    const artifact = artifactOf({ files: [4 * MIB] });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin({ uploadLimit: MIB });
    const machine = await swarm.add();
    await eventually(() => machine.torrent.have.count).toBeGreaterThan(0);
    await machine.torrent.pause();
    expect(machine.torrent.state).toBe('paused');
    const { count } = machine.torrent.have;
    origin.torrent.setLimits({ upload: null });
    machine.torrent.start();
    await machine.torrent.done;
    expect(count).toBeLessThan(artifact.metainfo.pieceCount);
    expect(await isWhole(machine, artifact)).toBe(true);
  });
});

describe('a fleet', () => {
  it('takes about one copy from the origin and makes the rest itself', async () => {
    const artifact = artifactOf({ files: [8 * MIB], pieceLength: 64 * KIB });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin();
    const machines = await Promise.all(Array.from({ length: 5 }, () => swarm.add()));
    await Promise.all(machines.map(({ torrent }) => torrent.done));
    for (const machine of machines) expect(await isWhole(machine, artifact)).toBe(true);
    expect(sentBy(origin) / artifact.payload.length).toBeLessThan(1.3);
    const fromPeers = machines.map(({ torrent }) => torrent.stats().bytes.fromPeers);
    expect(Math.min(...fromPeers)).toBeGreaterThan(artifact.payload.length / 2);
  });

  it('serves a late joiner without the origin', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin({ seedsElsewhere: () => 2 });
    const seeds = await Promise.all([1, 2].map(() => swarm.add({ complete: true })));
    const late = await swarm.add();
    await late.torrent.done;
    expect(await isWhole(late, artifact)).toBe(true);
    expect(sentBy(origin)).toBe(0);
    expect(seeds.map(sentBy).reduce((sum, bytes) => sum + bytes, 0)).toBe(2 * MIB);
  });

  it('is served from a tree whose touched pieces are withdrawn', async () => {
    const artifact = artifactOf({ files: [MIB], pieceLength: 64 * KIB });
    const swarm = fleetOf(artifact);
    const seed = await swarm.add({ complete: true });
    seed.torrent.withdraw([3, 4]);
    const machine = await swarm.add();
    await eventually(() => machine.torrent.have.count).toBe(14);
    expect([...machine.torrent.have.missing()]).toEqual([3, 4]);
    seed.torrent.restore([3]);
    const repaired = new Promise((resolve) => seed.torrent.once('verified', resolve));
    seed.torrent.fetch([4]);
    await swarm.origin();
    await repaired;
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
  });
});

describe('a disk', () => {
  class FullStore extends MemoryStore {
    full = true;
    failures = 0;

    override async write(offset: number, source: Uint8Array): Promise<void> {
      if (this.full && offset >= MIB) {
        this.failures++;
        throw new FleetseedError('NO_SPACE', 'There is no space left.');
      }
      await super.write(offset, source);
    }
  }

  it('that is full stops the download, which goes on when there is space', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    await swarm.origin();
    const store = new FullStore(artifact.payload.length);
    const machine = await swarm.add({ store, timeouts: { diskRetryMs: 50 } });
    const [error] = await new Promise<[FleetseedError]>((resolve) => {
      machine.torrent.once('disk-full', (...args) => resolve(args));
    });
    expect(error.code).toBe('NO_SPACE');
    expect(machine.torrent.state).toBe('disk-full');
    store.full = false;
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    expect(machine.torrent.stats().bytes.wasted.aborted).toBeGreaterThan(0);
  });

  it('that is broken fails the torrent with its error', async () => {
    const artifact = artifactOf({ files: [2 * MIB] });
    const swarm = fleetOf(artifact);
    await swarm.origin();
    const store = new MemoryStore(artifact.payload.length);
    store.write = () => Promise.reject(new FleetseedError('DISK_IO', 'The disk failed.'));
    const machine = await swarm.add({ store });
    machine.torrent.on('error', () => {});
    await expect(machine.torrent.done).rejects.toMatchObject({ code: 'DISK_IO' });
    expect(machine.torrent.state).toBe('failed');
  });
});

describe('the floor', () => {
  const seedOf = ({ payload }: TestArtifact, right: boolean) => ({
    reads: 0,
    pausedForMs: () => 0,
    read(offset: number, target: Uint8Array) {
      this.reads++;
      target.set(payload.subarray(offset, offset + target.length));
      if (!right) target[0]! ^= 1;
      return Promise.resolve();
    },
  });

  it('is a web seed, when no peer delivers', async () => {
    const artifact = artifactOf({ files: [3 * MIB, 5], pieceLength: 64 * KIB });
    const swarm = fleetOf(artifact);
    const webSeed = seedOf(artifact, true);
    const machine = await swarm.add({ webSeeds: [webSeed], timeouts: { floorMs: 100 } });
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    expect(machine.torrent.stats().bytes.fromWebSeed).toBe(artifact.payload.length);
  });

  it('is not used while peers deliver', async () => {
    const artifact = artifactOf({ files: [3 * MIB] });
    const swarm = fleetOf(artifact);
    await swarm.origin();
    const webSeed = seedOf(artifact, true);
    const machine = await swarm.add({ webSeeds: [webSeed] });
    await machine.torrent.done;
    expect(webSeed.reads).toBe(0);
  });

  it('is switched off when its bytes are wrong', async () => {
    const artifact = artifactOf({ files: [3 * MIB] });
    const swarm = fleetOf(artifact);
    const bad = seedOf(artifact, false);
    const good = seedOf(artifact, true);
    const machine = await swarm.add({ webSeeds: [bad, good], timeouts: { floorMs: 100 } });
    await machine.torrent.done;
    expect(await isWhole(machine, artifact)).toBe(true);
    expect(bad.reads).toBeLessThan(40);
  });
});

describe('a session', () => {
  it('refuses an artifact that it has', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const swarm = fleetOf(artifact);
    const { session } = await swarm.add({ complete: true });
    const options = { metainfo: artifact.metainfo, store: new MemoryStore(MIB) };
    expect(() => session.add(options)).toThrow(expect.objectContaining({ code: 'ALREADY_EXISTS' }));
  });

  it('ends quickly in the middle of a transfer, and gives back all memory', async () => {
    const artifact = artifactOf({ files: [8 * MIB] });
    const swarm = fleetOf(artifact);
    const origin = await swarm.origin({ uploadLimit: MIB });
    const machine = await swarm.add();
    await eventually(() => machine.torrent.have.count).toBeGreaterThan(0);
    await machine.session.close();
    await expect(machine.torrent.done).rejects.toMatchObject({ code: 'ABORTED' });
    await origin.session.close();
    await eventually(() => machine.session.buffers.used).toBe(0);
    expect(origin.session.buffers.used).toBe(0);
    expect(swarm.tracker.countOf('swarm')).toBe(0);
  });

  it('has no timer while it only waits to be asked', async () => {
    const artifact = artifactOf({ files: [MIB] });
    const swarm = fleetOf(artifact);
    const { session } = await swarm.add({ complete: true });
    expect(session.stats()).toMatchObject({ torrents: 1, connections: 0, uploads: 0 });
  });
});
