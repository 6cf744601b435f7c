import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { BlobStore, type ContentFile, type Depot, type Place } from '#lib/depot';
import { silentLogger, systemClock } from '#lib/runtime';
import { fileRoot, leafHashesOf, pieceLayerOf } from '#lib/torrent';

import { CacheCounters } from '../../apps/origin/src/content-cache/cache.counters.js';
import { CachedContent } from '../../apps/origin/src/content-cache/cached.content.js';
import { SpanDisk } from '../../apps/origin/src/content-cache/span.disk.js';
import { SpanFolder } from '../../apps/origin/src/content-cache/span.folder.js';
import { FaultProxy, type Fault } from '../support/s3/fault-proxy.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';

const MIB = 1024 * 1024;
const PIECE = MIB;
const CONTENT = randomBytes(21 * MIB + 5);
const QUICK = { timeoutMs: 400, totalMs: 1500, backoffStartMs: 5, backoffLimitMs: 20 };

let server: S3Server;
let proxy: FaultProxy;
let depot: Depot;
let file: ContentFile;
let place: Place;

beforeAll(async () => {
  server = await startS3Server();
  proxy = await FaultProxy.start(server.endpoint);
  const prefix = `${server.prefix}/cache`;
  depot = await openDepot(server, { endpoint: proxy.endpoint, prefix, patience: QUICK });
  const leaves = leafHashesOf(CONTENT);
  const root = fileRoot(leaves, CONTENT.length)!.toString('hex');
  const pieces = { pieceLength: PIECE, hashes: pieceLayerOf(leaves, PIECE) };
  file = { root, length: CONTENT.length, pieces };
  const blob = { root, length: CONTENT.length, leaves };
  // Only reads are put to the test: what is written may take its time on a busy machine.
  const patient = await openDepot(server, { prefix });
  place = await new BlobStore(patient).putBlob(blob, { chunks: [CONTENT] });
  await patient.close();
}, 1_200_000);
beforeEach(() => proxy.reset());
afterAll(async () => {
  await depot.close();
  await proxy.stop();
  await server.stop();
});

async function withCache(
  limitBytes: number,
  test: (content: CachedContent, counters: CacheCounters) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetseed-cache-'));
  const counters = new CacheCounters();
  const about = { counters, clock: systemClock, logger: silentLogger };
  const disk = await SpanDisk.open(await SpanFolder.open(folder), {
    ...about,
    limitBytes,
    openFiles: 8,
  });
  const content = new CachedContent({ ...about, depot, disk, memoryBytes: 12 * MIB });
  try {
    await test(content, counters);
  } finally {
    await disk.close();
    await rm(folder, { recursive: true });
  }
}

async function read(content: CachedContent, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await content.read(place.object, buffer, 0, length, place.offset + at, file);
  return buffer;
}

/** Everything, in reads of 1 MiB side by side; those that are refused come again. */
async function readAll(content: CachedContent): Promise<void> {
  const starts = Array.from({ length: Math.ceil(CONTENT.length / MIB) }, (_, i) => i * MIB);
  let wrong = false;
  const reader = async () => {
    for (let at = starts.shift(); at !== undefined; at = starts.shift()) {
      const length = Math.min(MIB, CONTENT.length - at);
      const bytes = await read(content, at, length).catch(() => null);
      if (bytes === null) {
        starts.push(at);
        // As peers do, who would else ask all the time.
        await pause(20);
      } else wrong ||= !bytes.equals(CONTENT.subarray(at, at + length));
    }
  };
  await Promise.all(Array.from({ length: 6 }, reader));
  expect(wrong).toBe(false);
}

describe('content that is read through the cache from a real store', () => {
  it('is asked for once, in ranges of several megabytes, and leaves by the way', async () => {
    await withCache(64 * MIB, async (content) => {
      await readAll(content);
      await readAll(content);
    });
    const ranges = proxy.seen.map(({ headers }) => headers.range);
    expect(ranges.filter((range) => /-4194303$|^bytes=\d{7,}-/.test(range ?? ''))).toHaveLength(6);
    // One more for the leaves: this file has less than 64 KiB of them.
    expect(ranges).toHaveLength(7);
  });

  it('goes through a cache that is smaller than it', async () => {
    await withCache(9 * MIB, async (content, counters) => {
      await readAll(content);
      await readAll(content);
      expect(counters.evictions).toBeGreaterThan(6);
      expect(counters.reads.failed).toBe(0);
    });
  });

  it.each<Fault>(['slow-down', 'broken', 'reset', 'truncated', 'stalled', 'silent'])(
    'is right, however often the store is %s',
    async (fault) => {
      let count = 0;
      proxy.plan(fault, () => ++count % 3 === 0, 6);
      await withCache(64 * MIB, readAll);
      expect(proxy.faults.length).toBeGreaterThan(0);
    },
  );

  it('is refused while the store is away, and given when it is back', async () => {
    await withCache(64 * MIB, async (content) => {
      await read(content, 0, 1);
      proxy.plan('reset', () => true, 1e9);
      const refused = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) => read(content, 5 * MIB + i * MIB, 1)),
      );
      expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
      const more = await Promise.allSettled([1, 2, 3].map((i) => read(content, i * 5 * MIB, 1)));
      expect(more.filter(({ status }) => status === 'rejected')).toHaveLength(3);
      // What came before is here.
      expect((await read(content, 1, 3)).equals(CONTENT.subarray(1, 4))).toBe(true);
      proxy.reset();
      await readAll(content);
    });
  });
});
