import { createHash } from 'node:crypto';

import { expect, it } from 'vitest';

import { ArtifactStore, blobKey, leavesKey, MemoryDepot, Places, type ByteRange } from '#lib/depot';
import { systemClock } from '#lib/runtime';
import { BLOCK_LENGTH, buildMetainfo, fileRoot, pieceLayerOf } from '#lib/torrent';

import { CacheCounters } from '../content-cache/cache.counters.js';
import { CachedContent } from '../content-cache/cached.content.js';
import { ArtifactLibrary } from './artifact-library.js';

const LENGTH = 10_000_000_000;
const PIECE = 16 * 1024 * 1024;
const LEAF = createHash('sha256').update(Buffer.alloc(BLOCK_LENGTH)).digest();
const LAST = createHash('sha256')
  .update(Buffer.alloc(LENGTH % BLOCK_LENGTH))
  .digest();

it('an artifact of 10 GB is served after a few small reads, wherever one begins', async () => {
  const blocks = Math.ceil(LENGTH / BLOCK_LENGTH);
  const leaves = Buffer.alloc(32 * blocks, LEAF);
  LAST.copy(leaves, leaves.length - 32);
  const root = fileRoot(leaves, LENGTH)!;
  const built = buildMetainfo({
    name: 'image',
    single: true,
    format: 'v2',
    pieceLength: PIECE,
    files: [{ path: ['image'], length: LENGTH, root, pieceLayer: pieceLayerOf(leaves, PIECE) }],
  });
  const artifact = built.infoHashV2!.toString('hex');
  const depot = await MemoryDepot.open();
  const store = new ArtifactStore(depot);
  const object = blobKey(root.toString('hex'));
  const places = Places.of([[root.toString('hex'), { object, offset: 0, length: LENGTH }]]);
  await store.create(artifact, built.metainfoBytes, places);

  let requests = 0;
  let bytes = 0;
  const counted = <T extends { readonly length: number }>(answer: T): T => {
    requests++;
    bytes += answer.length;
    return answer;
  };
  const readDocument = depot.readDocument.bind(depot);
  depot.readDocument = async (key) => {
    const document = await readDocument(key);
    if (document) counted(document.bytes);
    return document;
  };
  const far = {
    async readObject(key: string, range?: ByteRange): Promise<Buffer> {
      const { offset, length } = range!;
      if (key === leavesKey(root.toString('hex'))) {
        return counted(Buffer.from(leaves.subarray(offset, offset + length)));
      }
      expect(key).toBe(object);
      return counted(Buffer.alloc(length));
    },
  };
  const counters = new CacheCounters();
  const options = { depot: far, disk: null, memoryBytes: 64 * 1024 * 1024, counters };
  const library = new ArtifactLibrary(store, new CachedContent({ ...options, clock: systemClock }));

  const { payload } = await library.open(artifact);
  const block = Buffer.alloc(BLOCK_LENGTH, 1);
  await payload.read(LENGTH - BLOCK_LENGTH, block);
  expect(block.every((byte) => byte === 0)).toBe(true);
  // Metainfo, places, leaves of a stretch, and the stretch.
  expect(requests).toBe(4);
  expect(bytes).toBeLessThan(5_000_000);

  await payload.read(LENGTH / 2, block);
  expect(requests).toBe(6);
  expect(bytes).toBeLessThan(10_000_000);
});
