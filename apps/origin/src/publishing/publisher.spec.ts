import { afterAll, describe, expect, it } from 'vitest';

import { FleetseedError, type Release } from '#lib/contracts';
import {
  ArtifactContent,
  ArtifactStore,
  BlobStore,
  emptyContent,
  MemoryDepot,
  ReaderPool,
  uploadKey,
  type Depot,
  type MemoryDepotContent,
} from '#lib/depot';
import { InProcessJobQueue } from '#lib/jobs';
import { silentLogger, VirtualClock } from '#lib/runtime';

import { ArtifactLibrary } from '../artifacts/artifact-library.js';
import { GarbageFinder } from '../collection/garbage.finder.js';
import { ShutdownSignal } from '../config/shutdown-signal.js';
import { OriginEvents } from '../events/origin-events.js';
import { ORIGIN_JOB_NAMES, type OriginJobs } from '../jobs/origin-jobs.js';
import { UnfinishedWork } from '../jobs/unfinished-work.js';
import { noise, TestTree } from '../origin.fixture.js';
import { ReleaseCatalog } from '../releases/release-catalog.js';
import { TestHashing } from '../uploads/body-hasher.fixture.js';
import { checkTree } from '../uploads/declared-tree.js';
import { partHashesOf } from '../uploads/part-hashes.js';
import { UploadEvents } from '../uploads/upload-events.js';
import { UploadHashing } from '../uploads/upload-hashing.js';
import { planObjects } from '../uploads/upload-planner.js';
import type { PlanObject, UploadRecord } from '../uploads/upload-record.js';
import { UploadStore } from '../uploads/upload-store.js';
import { UploadViews } from '../uploads/upload-view.js';
import { Quarantine } from '../verification/quarantine.js';
import { Outbox } from '../webhooks/outbox.js';
import { ArtifactMaker } from './artifact-maker.js';
import { DirectContent } from './direct-content.js';
import { KnownPlaces } from './known-places.js';
import { Publisher } from './publisher.js';
import { UploadContent } from './upload-content.js';
import { V1Pieces } from './v1-pieces.js';

const hashing = new TestHashing();
const threads = new UploadHashing(new VirtualClock());
afterAll(async () => {
  await hashing.close();
  await threads.onModuleDestroy();
});

const ID = 'ab'.repeat(16);
const FILES = { large: noise(1_200_000, 'large'), one: noise(70_000, '1'), two: noise(20, '2') };
const TREE = new TestTree(FILES, { pieceLength: 16_384, format: 'hybrid' });

type Change =
  | 'createDocument'
  | 'replaceDocument'
  | 'delete'
  | 'putObject'
  | 'moveObject'
  | 'commitParts'
  | 'abortParts';
const CHANGES: readonly Change[] = [
  ...(['createDocument', 'replaceDocument', 'delete', 'putObject'] as const),
  ...(['moveObject', 'commitParts', 'abortParts'] as const),
];

/** A depot whose process dies at its `fatal`-th change: before it happens, or right after. */
class DyingDepot {
  changes = 0;
  readonly depot: Depot;

  constructor(inner: Depot, fatal: number, happens: boolean) {
    const dead = () => new FleetseedError('SHUTTING_DOWN', 'The process is dead.');
    const call = (name: string | symbol, args: unknown[]): unknown => {
      const member: unknown = Reflect.get(inner, name);
      const run = () => (member as (...given: unknown[]) => unknown).apply(inner, args);
      if (this.changes >= fatal) throw dead();
      if (!CHANGES.includes(name as Change)) return run();
      this.changes++;
      if (this.changes < fatal) return run();
      return Promise.resolve(happens ? run() : undefined).then(() => {
        throw dead();
      });
    };
    this.depot = new Proxy(inner, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function'
          ? async (...args: unknown[]) => call(name, args)
          : member;
      },
    });
  }
}

function publisherOn(depot: Depot) {
  const clock = new VirtualClock(5000);
  const uploads = new UploadStore(depot);
  const catalog = new ReleaseCatalog(depot, clock);
  const artifacts = new ArtifactStore(depot);
  const blobs = new BlobStore(depot);
  const readers = new ReaderPool(depot);
  const events = new OriginEvents(silentLogger);
  const maker = new ArtifactMaker(
    new UploadContent(uploads, blobs, new DirectContent(uploads, threads, depot), depot),
    new KnownPlaces(artifacts, blobs),
    new V1Pieces(readers),
    artifacts,
    new Quarantine(
      depot,
      blobs,
      artifacts,
      readers,
      new GarbageFinder(depot, artifacts, blobs, readers),
      clock,
    ),
  );
  const jobs = new InProcessJobQueue<OriginJobs>({ names: ORIGIN_JOB_NAMES });
  const unfinished = new UnfinishedWork(jobs, clock, silentLogger);
  const publisher = new Publisher(
    uploads,
    new UploadViews(uploads, catalog),
    new UploadEvents(),
    maker,
    catalog,
    new ArtifactLibrary(artifacts, readers),
    events,
    new Outbox(depot, null, unfinished, jobs, clock, silentLogger),
    new ShutdownSignal(),
    jobs,
    clock,
    silentLogger,
  );
  return { publisher, uploads, catalog, artifacts, readers, events };
}

const run = (publisher: Publisher, attempt = 1) =>
  publisher.run({
    id: 'publish',
    data: { upload: ID },
    attempt,
    signal: new AbortController().signal,
    progress: () => undefined,
  });

/** A depot with an upload whose parts are all there. */
async function completeUpload(tree = TREE, tamper = false): Promise<MemoryDepotContent> {
  const content = emptyContent();
  const depot = await MemoryDepot.open({ content });
  const uploads = new UploadStore(depot);
  const checked = checkTree(tree.request);
  const objects: PlanObject[] = [];
  for (const planned of planObjects(checked.contents, new Set(), checked.pieceLength)) {
    const key = uploadKey(ID, planned.object);
    const parted = await depot.beginParts(key, planned.bytes, planned.partBytes);
    const bytes = tree.bytesOf({ ...planned, entries: [...planned.entries], received: [] });
    if (tamper && planned.object.startsWith('f')) bytes[7]! ^= 1;
    const stretches = planned.entries.map(({ root, length }) => ({
      root: tamper ? null : root,
      length,
      fileLength: length,
    }));
    const lengths = planned.entries.map(({ length }) => length);
    const cut = { stretches: lengths, nodeSpan: checked.pieceLength, wholeFiles: true };
    const body = await hashing.hash({ ...cut, digest: false, pieceLengthV1: 0 }, bytes);
    await depot.putPart(parted, 0, [bytes]);
    const hashes = partHashesOf(stretches, checked.pieceLength, body);
    await uploads.hashes.write(ID, { ...planned, source: { parted } }, 0, hashes);
    objects.push({ ...planned, entries: [...planned.entries], source: { parted } });
  }
  const { pieceLength } = checked;
  const base = { v: 1 as const, request: tree.request, knownRoots: [], knownFrom: [] };
  const plan = await uploads.writePlan(ID, { ...base, pieceLength, objects });
  const record: UploadRecord = {
    v: 1,
    upload: ID,
    app: 'web',
    version: tree.request.version,
    state: 'publishing',
    run: 1,
    plan,
    bytes: checked.bytes,
    knownBytes: 0,
    createdAt: 1,
    createdBy: 'ci',
    creator: 'ci',
    expiresAt: 1e12,
    error: null,
  };
  await uploads.create(record);
  return content;
}

function copyOf({ values, parted }: MemoryDepotContent): MemoryDepotContent {
  const parts = [...parted].map(([handle, own]) => [handle, new Map(own)] as const);
  return { values: new Map(values), parted: new Map(parts) };
}

async function published(content: MemoryDepotContent): Promise<Release> {
  const depot = await MemoryDepot.open({ content });
  const { publisher, uploads, catalog, artifacts, readers } = publisherOn(depot);
  if ((await uploads.find(ID))?.state === 'publishing') await run(publisher);
  expect(await uploads.find(ID)).toMatchObject({ state: 'published', error: null });
  const release = (await catalog.find('web', '1.0.0'))!;
  const stored = await ArtifactContent.open(release.artifact, artifacts, readers);
  for (const { root, length } of TREE.request.files) {
    const bytes = Buffer.alloc(length);
    await stored.open(root!).read(bytes, 0, length, 0);
    expect(Object.values(FILES).some((file) => file.equals(bytes))).toBe(true);
  }
  return release;
}

async function publishedContent(): Promise<MemoryDepotContent> {
  const content = await completeUpload();
  await published(content);
  return content;
}

describe('publishing', () => {
  it('survives the end of its process at any change, before it or after', async () => {
    const complete = await completeUpload();
    const expected = await published(copyOf(complete));
    let survived = 0;
    for (const happens of [false, true]) {
      for (let fatal = 1; ; fatal++) {
        const content = copyOf(complete);
        const dying = new DyingDepot(await MemoryDepot.open({ content }), fatal, happens);
        await run(publisherOn(dying.depot).publisher).catch(() => undefined);
        if (dying.changes < fatal) break;
        survived++;
        expect(await published(content)).toEqual(expected);
      }
    }
    expect(survived).toBeGreaterThan(20);
  });

  it('tells of a release once', async () => {
    const content = await completeUpload();
    const { publisher, events } = publisherOn(await MemoryDepot.open({ content }));
    const told: Release[] = [];
    events.on('releasePublished', (release) => told.push(release));
    expect(await run(publisher)).toMatchObject({ created: true });
    expect(told).toMatchObject([
      { app: 'web', version: '1.0.0', createdAt: 5000, createdBy: 'ci' },
    ]);
  });

  it('is not undone by a second run of the job, which a lost queue had begun', async () => {
    const content = await completeUpload();
    const first = publisherOn(await MemoryDepot.open({ content }));
    let overtaken = false;
    const slow = new Proxy(await MemoryDepot.open({ content }), {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (name === 'readObject' && String(args[0]).includes('/hashes/') && !overtaken) {
            overtaken = true;
            await run(first.publisher);
          }
          return (member as (...given: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const second = publisherOn(slow);
    expect(await run(second.publisher)).toMatchObject({ created: false });
    expect(overtaken).toBe(true);
    expect(await first.uploads.find(ID)).toMatchObject({ state: 'published', error: null });
  });

  it('loses to a version that was made meanwhile, and stores nothing', async () => {
    const won = await publishedContent();
    const winner = await published(won);
    const other = new TestTree({ large: noise(1_200_000, 'other') }, { pieceLength: 16_384 });
    const late = await completeUpload(other);
    const depot = await MemoryDepot.open({ content: late });
    const { publisher, uploads, catalog, artifacts } = publisherOn(depot);
    // What the other upload has published is in this depot too.
    const source = publisherOn(await MemoryDepot.open({ content: won }));
    const torrent = (await source.artifacts.readTorrent(winner.artifact))!;
    const { places } = (await source.artifacts.readPlaces(winner.artifact))!;
    await artifacts.create(winner.artifact, torrent, places);
    await catalog.create(winner);
    await expect(run(publisher)).rejects.toMatchObject({ reason: { code: 'VERSION_TAKEN' } });
    expect(await uploads.find(ID)).toMatchObject({
      state: 'failed',
      error: { code: 'VERSION_TAKEN' },
    });
    const left = [...late.values.keys()].filter((key) => /^(?:blobs|uploads)\//.test(key));
    expect(left).toEqual([`uploads/${ID}/upload.json`]);
  });

  it('keeps nothing of bytes that are not what was declared', async () => {
    const content = await completeUpload(TREE, true);
    const { publisher, uploads } = publisherOn(await MemoryDepot.open({ content }));
    await expect(run(publisher)).rejects.toMatchObject({ reason: { code: 'ROOT_MISMATCH' } });
    expect(await uploads.find(ID)).toMatchObject({
      state: 'failed',
      error: { code: 'ROOT_MISMATCH' },
    });
    expect([...content.values.keys()].filter((key) => key.startsWith('blobs/'))).toEqual([]);
  });

  it('leaves an upload publishing after a fault that may pass, and fails it with the last try', async () => {
    const content = await completeUpload();
    const depot = await MemoryDepot.open({ content });
    const full = new Proxy(depot, {
      get: (target, name) => {
        if (name === 'commitParts') {
          return async () => {
            throw new FleetseedError('DEPOT_FULL', 'No room.');
          };
        }
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const { publisher, uploads } = publisherOn(full);
    await expect(run(publisher, 1)).rejects.toMatchObject({ code: 'DEPOT_FULL' });
    expect(await uploads.find(ID)).toMatchObject({ state: 'publishing' });
    await expect(run(publisher, 3)).rejects.toMatchObject({ reason: { code: 'DEPOT_FULL' } });
    expect(await uploads.find(ID)).toMatchObject({
      state: 'failed',
      error: { code: 'DEPOT_FULL' },
    });
  });
});
