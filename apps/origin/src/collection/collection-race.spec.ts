import { describe, expect, it } from 'vitest';

import type { CollectionReport } from '#lib/contracts';
import {
  ArtifactStore,
  BlobStore,
  MemoryDepot,
  Places,
  ReaderPool,
  type Depot,
  type Place,
} from '#lib/depot';
import { InProcessJobQueue } from '#lib/jobs';
import { silentLogger, VirtualClock } from '#lib/runtime';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import type { Principal } from '../auth/principal.js';
import { ChannelStore } from '../channels/channel-store.js';
import { checkConfig } from '../config/config-parser.js';
import { OriginEvents } from '../events/origin-events.js';
import { ORIGIN_JOB_NAMES, type OriginJobs } from '../jobs/origin-jobs.js';
import { RecurringJobs } from '../jobs/recurring-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { noise, TestTree } from '../origin.fixture.js';
import { KnownPlaces } from '../publishing/known-places.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { KnownContentFinder } from '../uploads/known-content.js';
import { UploadStarter } from '../uploads/upload-starter.js';
import { UploadStore } from '../uploads/upload-store.js';
import { UploadViews } from '../uploads/upload-view.js';
import { Quarantine } from '../verification/quarantine.js';
import { CollectionWindow } from './collection-window.js';
import { CollectionRecords } from './collection.records.js';
import { Collector } from './collector.js';
import { GarbageFinder } from './garbage.finder.js';
import { LiveMarker } from './live-marks.js';
import { Repacker } from './repacker.js';
import { Retention } from './retention.js';
import { Sweeper } from './sweeper.js';

const BIG = noise(1_100_000, 'big');
const SMALL = noise(40_000, 'small');
const GRACE_S = 200;
const ADMIN: Principal = {
  kind: 'token',
  id: 'admin',
  name: 'admin',
  scopes: ['admin'],
  expiresAt: null,
};

/** Runs something just before a collection opens its first window. */
function hooked(inner: Depot, hook: { beforeWindow?: () => Promise<void> }): Depot {
  const replaceDocument: Depot['replaceDocument'] = async (key, bytes, version) => {
    const { beforeWindow } = hook;
    if (beforeWindow && key === 'collection/window.json' && bytes.toString().includes('true')) {
      delete hook.beforeWindow;
      await beforeWindow();
    }
    return inner.replaceDocument(key, bytes, version);
  };
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'replaceDocument') return replaceDocument;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

async function parts() {
  const hook: { beforeWindow?: () => Promise<void> } = {};
  const depot = hooked(await MemoryDepot.open(), hook);
  const clock = new VirtualClock(1_000_000);
  const config = checkConfig({
    uploadExpirySeconds: 100,
    collectionGraceSeconds: GRACE_S,
    retentionKeepLast: 1,
    retentionKeepDays: 0,
  });
  const uploads = new UploadStore(depot);
  const catalog = new ReleaseCatalog(depot, clock);
  const channels = new ChannelStore(depot, clock);
  const artifacts = new ArtifactStore(depot);
  const blobs = new BlobStore(depot);
  const readers = new ReaderPool(depot);
  const library = new ArtifactLibrary(artifacts, readers);
  const window = new CollectionWindow(depot, checkConfig({}));
  const garbage = new GarbageFinder(depot, artifacts, blobs, readers);
  const jobs = new InProcessJobQueue<OriginJobs>({ names: ORIGIN_JOB_NAMES, clock });
  const collector = new Collector(
    new Retention(catalog, channels, config, clock),
    new LiveMarker(uploads, catalog, artifacts),
    garbage,
    window,
    new Sweeper(window, garbage, library, new OriginEvents(silentLogger)),
    new Repacker(depot, blobs, artifacts, garbage, silentLogger),
    new CollectionRecords(depot),
    new RecurringJobs(new UnfinishedWork(jobs, clock, silentLogger), jobs, depot, clock),
    config,
    clock,
    silentLogger,
  );
  const starter = new UploadStarter(
    uploads,
    new UploadViews(uploads, catalog),
    new KnownContentFinder(
      catalog,
      artifacts,
      blobs,
      new Quarantine(depot, blobs, artifacts, readers, garbage, clock),
    ),
    catalog,
    library,
    window,
    new KnownPlaces(artifacts, blobs),
    depot,
    config,
    clock,
  );
  const collect = (): Promise<CollectionReport> =>
    collector.run({
      data: { dryRun: false },
      signal: new AbortController().signal,
      progress: () => undefined,
    });
  return { hook, clock, catalog, channels, artifacts, blobs, window, starter, collect };
}

function fileOf(bytes: Buffer) {
  const leaves = leafHashesOf(bytes);
  const root = fileRoot(leaves, bytes.length)!.toString('hex');
  return { root, length: bytes.length, leaves };
}

/** A blob, a pack and an artifact that nothing names, condemned for so long that they are due. */
async function dueParts() {
  const all = await parts();
  const [big, small] = [fileOf(BIG), fileOf(SMALL)];
  const blob = await all.blobs.putBlob(big, { chunks: [BIG] });
  const [packed] = await all.blobs.putPack([small], { chunks: [SMALL] });
  const artifact = 'ab'.repeat(32);
  const places: [string, Place][] = [
    [big.root, blob],
    [small.root, packed!],
  ];
  await all.artifacts.create(artifact, Buffer.from('torrent'), Places.of(places));
  expect(await all.collect()).toMatchObject({ blobs: { condemned: 1 }, packs: { condemned: 1 } });
  all.clock.advance(GRACE_S * 1000 + 1);
  return { ...all, big, small, artifact };
}

const NOTHING = { artifacts: { removed: 0 }, packs: { removed: 0 }, blobs: { removed: 0 } };

describe('a collection that has looked, and is about to remove', () => {
  it('removes what nobody came for', async () => {
    const { collect } = await dueParts();
    expect(await collect()).toMatchObject({
      artifacts: { removed: 1 },
      packs: { removed: 1 },
      blobs: { removed: 1 },
    });
  });

  it('leaves what an upload has declared meanwhile', async () => {
    const { hook, starter, collect } = await dueParts();
    const tree = new TestTree({ big: BIG, small: SMALL });
    hook.beforeWindow = async () => {
      await starter.start('web', tree.request, ADMIN);
    };
    expect(await collect()).toMatchObject(NOTHING);
  });

  it('leaves what a release names meanwhile', async () => {
    const { hook, catalog, collect, artifact } = await dueParts();
    hook.beforeWindow = async () => {
      const release = { app: 'web', version: '1', artifact, createdAt: 1, createdBy: 'ci' };
      const rest = { infoHashV1: null, infoHashV1Only: null, infoHashV2: artifact, name: 'tree' };
      const sizes = { single: false, bytes: 1, files: 2, pieces: 1, pieceLength: 65_536 };
      await catalog.create({ ...release, ...rest, ...sizes });
    };
    expect(await collect()).toMatchObject(NOTHING);
  });

  it('removes nothing once another collection has begun', async () => {
    const { hook, window, collect, blobs, big } = await dueParts();
    hook.beforeWindow = async () => {
      await window.begin();
    };
    await expect(collect()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await blobs.locateBlob(big.root)).not.toBeNull();
  });
});

describe('an upload that begins while a collection removes', () => {
  it('waits, and asks for what went meanwhile', async () => {
    const { window, starter, blobs, big } = await dueParts();
    const open = await window.open(await window.begin());
    const tree = new TestTree({ big: BIG });
    let begun = false;
    const starting = starter.start('web', tree.request, ADMIN).finally(() => (begun = true));
    await blobs.deleteBlob(big.root);
    expect(begun).toBe(false);
    await open.close();
    expect(await starting).toMatchObject({ knownBytes: 0, objects: [{ bytes: BIG.length }] });
  });

  it('plans anew when content went between its look and its record', async () => {
    const { window, starter, blobs, big } = await dueParts();
    const collection = await window.begin();
    const find = blobs.findBlobs.bind(blobs);
    blobs.findBlobs = async (roots) => {
      const found = await find(roots);
      blobs.findBlobs = find;
      const open = await window.open(collection);
      await blobs.deleteBlob(big.root);
      await open.close();
      return found;
    };
    const upload = await starter.start('web', new TestTree({ big: BIG }).request, ADMIN);
    expect(upload).toMatchObject({ state: 'open', knownBytes: 0 });
    expect(upload.objects).toMatchObject([{ entries: [{ root: big.root }] }]);
  });
});

describe('a channel that is moved while its release is retired', () => {
  it('keeps the release, whoever is first', async () => {
    const { catalog, channels, collect, clock } = await parts();
    const make = async (version: string, createdAt: number) => {
      const artifact = fileOf(noise(10, version)).root;
      const release = { app: 'web', version, artifact, createdAt, createdBy: 'ci' };
      const rest = { infoHashV1: null, infoHashV1Only: null, infoHashV2: artifact, name: 'tree' };
      const sizes = { single: false, bytes: 1, files: 2, pieces: 1, pieceLength: 65_536 };
      return (await catalog.create({ ...release, ...rest, ...sizes })).release;
    };
    const old = await make('1', 1);
    await make('2', 2);
    const retire = catalog.retire.bind(catalog);
    catalog.retire = async (release) => {
      const state = { app: 'web', channel: 'stable', sequence: 1, version: '1' };
      const more = { artifact: old.artifact, policy: 'immediate' as const, movedBy: 'ci' };
      await channels.update('web', 'stable', () => ({ ...state, ...more, movedAt: clock.now() }));
      await retire(release);
    };
    expect(await collect()).toMatchObject({ retired: [] });
    expect(await catalog.find('web', '1')).toEqual(old);
    // And one that was retired before the channel came is taken back by the next collection.
    await retire(old);
    expect(await collect()).toMatchObject({ restored: [{ app: 'web', version: '1' }] });
    expect(await catalog.find('web', '1')).toEqual(old);
  });
});
