import { afterEach, describe, expect, it } from 'vitest';

import { windowsOf, type RateWindows } from './rate-probe.fixture.js';
import {
  KIB,
  MIB,
  TestFleet,
  artifactOf,
  eventually,
  sentBy,
  type Machine,
} from './session.fixture.js';

const KB = 1000;
const MB = 1000 * KB;

const fleets: TestFleet[] = [];

function fleetOf(megabytes: number): TestFleet {
  const fleet = new TestFleet(artifactOf({ files: [megabytes * MIB] }));
  fleets.push(fleet);
  return fleet;
}

afterEach(async () => {
  await Promise.all(fleets.splice(0).map((fleet) => fleet.close()));
});

/** Within 5 % in every window of two seconds. */
const ACCURATE = { most: expect.toSatisfy(below), least: expect.toSatisfy(above) };

function below(share: number): boolean {
  return share < 1.05;
}

function above(share: number): boolean {
  return share > 0.95;
}

async function peersOf(fleet: TestFleet, count: number): Promise<Machine[]> {
  return Promise.all(Array.from({ length: count }, () => fleet.add()));
}

/** A seed with this limit, and peers that want everything. */
async function uploads(rate: number, peers: number, size: number): Promise<RateWindows> {
  const fleet = fleetOf(size);
  const seed = await fleet.add({ complete: true, session: { uploadLimit: rate } });
  await peersOf(fleet, peers);
  return windowsOf(() => sentBy(seed), rate);
}

/** A machine with this limit, and peers that have everything. */
async function downloads(rate: number, peers: number, size: number): Promise<RateWindows> {
  const fleet = fleetOf(size);
  for (let seed = 0; seed < peers; seed++) await fleet.add({ complete: true });
  const { session } = await fleet.add({ session: { downloadLimit: rate } });
  return windowsOf(() => session.stats().received, rate);
}

/** A machine with this limit whose peer dialled it, and then gets everything from elsewhere. */
async function acceptedDownloads(rate: number): Promise<RateWindows> {
  const fleet = fleetOf(3);
  const { session, torrent } = await fleet.add({ session: { downloadLimit: rate } });
  await torrent.pause();
  const other = await fleet.add();
  torrent.start();
  other.torrent.addPeers([{ host: '127.0.0.1', port: session.port }]);
  await eventually(() => session.stats().connections).toBe(1);
  await other.store.write(0, fleet.artifact.payload);
  other.torrent.restore(
    Array.from({ length: other.torrent.pieces.pieceCount }, (_, piece) => piece),
  );
  return windowsOf(() => session.stats().received, rate);
}

it('limits hold at low rates, with one peer and with many', async () => {
  const windows = await Promise.all([
    uploads(100 * KB, 1, 2),
    uploads(100 * KB, 6, 2),
    downloads(100 * KB, 1, 2),
    downloads(100 * KB, 6, 2),
    acceptedDownloads(150 * KB),
  ]);
  expect(windows).toEqual(windows.map(() => ACCURATE));
});

describe('an upload limit', () => {
  it('holds at higher rates, with many peers', async () => {
    expect(await uploads(20 * MB, 3, 80)).toEqual(ACCURATE);
  });

  it('of an artifact holds, beneath that of the session', async () => {
    const fleet = fleetOf(8);
    const options = { complete: true, session: { uploadLimit: 20 * MB }, uploadLimit: MB };
    const seed = await fleet.add(options);
    await peersOf(fleet, 2);
    expect(await windowsOf(() => sentBy(seed), MB)).toEqual(ACCURATE);
  });

  it('holds anew when it is changed', async () => {
    const fleet = fleetOf(32);
    const seed = await fleet.add({ complete: true, session: { uploadLimit: 200 * KB } });
    await peersOf(fleet, 1);
    expect(await windowsOf(() => sentBy(seed), 200 * KB, { forMs: 2300 })).toEqual(ACCURATE);
    seed.session.setLimits({ upload: 4 * MB });
    expect(await windowsOf(() => sentBy(seed), 4 * MB, { forMs: 2300 })).toEqual(ACCURATE);
    seed.session.setArtifactLimits(seed.torrent.infoHashV2, { upload: 300 * KB });
    expect(await windowsOf(() => sentBy(seed), 300 * KB, { forMs: 2300 })).toEqual(ACCURATE);
    expect(seed.torrent.limits).toEqual({ upload: 300 * KB, download: null });
  });
});

describe('a download limit', () => {
  it('holds at higher rates, with many peers', async () => {
    expect(await downloads(20 * MB, 3, 80)).toEqual(ACCURATE);
  });

  it('holds for a web seed too', async () => {
    const fleet = fleetOf(16);
    let read = 0;
    const webSeed = {
      pausedForMs: () => 0,
      async read(
        offset: number,
        target: Uint8Array,
        _signal?: AbortSignal,
        pace: (bytes: number) => Promise<void> = async () => {},
      ) {
        target.set(fleet.artifact.payload.subarray(offset, offset + target.length));
        for (let at = 0; at < target.length; at += 16 * KIB) {
          read += 16 * KIB;
          await pace(16 * KIB);
        }
      },
    };
    const session = { downloadLimit: 2 * MB };
    await fleet.add({ webSeeds: [webSeed], timeouts: { floorMs: 100 }, session });
    expect(await windowsOf(() => read, 2 * MB)).toEqual(ACCURATE);
  });

  it('of an artifact holds, beneath that of the session, and ends when it is lifted', async () => {
    const fleet = fleetOf(8);
    await fleet.add({ complete: true });
    const machine = await fleet.add({ session: { downloadLimit: 20 * MB }, downloadLimit: MB });
    const received = () => machine.session.stats().received;
    expect(await windowsOf(received, MB)).toEqual(ACCURATE);
    machine.torrent.setLimits({ download: null });
    await machine.torrent.done;
    expect((await machine.content()).equals(fleet.artifact.payload)).toBe(true);
    const { wasted } = machine.torrent.stats().bytes;
    expect(wasted).toEqual({ hashFailure: 0, duplicate: 0, aborted: 0 });
  });
});
