import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import {
  ArtifactStore,
  BlobStore,
  MemoryDepot,
  Places,
  ReaderPool,
  type ContentReads,
} from '#lib/depot';
import { buildMetainfo, fileRoot, leafHashesOf, parseMetainfo } from '#lib/torrent';

import { noise } from '../origin.fixture.js';
import { ArtifactLibrary, type OpenArtifact } from './artifact-library.js';

const FILES = {
  'a/large': noise(1_100_000, 'l'),
  'a/none': Buffer.alloc(0),
  b: noise(9, 'b'),
  c: noise(70_000, 'c'),
};
const PAYLOAD = Buffer.concat(Object.values(FILES));

let depot: MemoryDepot;
let library: ArtifactLibrary;
let opened: OpenArtifact;

beforeAll(async () => {
  depot = await MemoryDepot.open();
  const blobs = new BlobStore(depot);
  const store = new ArtifactStore(depot);
  const facts = Object.values(FILES)
    .filter((bytes) => bytes.length > 0)
    .map((bytes) => {
      const leaves = leafHashesOf(bytes);
      return {
        bytes,
        root: fileRoot(leaves, bytes.length)!.toString('hex'),
        length: bytes.length,
        leaves,
      };
    });
  const [large, ...small] = facts;
  const places = [
    await blobs.putBlob(large!, { chunks: [large!.bytes] }),
    ...(await blobs.putPack(small, { chunks: small.map(({ bytes }) => bytes) })),
  ];
  const built = buildMetainfo({
    name: 'tree',
    single: false,
    format: 'v2',
    pieceLength: 65_536,
    files: Object.entries(FILES).map(([path, bytes]) => ({
      path: path.split('/'),
      length: bytes.length,
      leafHashes: leafHashesOf(bytes),
    })),
  });
  const artifact = built.infoHashV2!.toString('hex');
  const entries = facts.map(({ root }, index) => [root, places[index]!] as const);
  await store.create(artifact, built.metainfoBytes, Places.of(entries));
  library = new ArtifactLibrary(store, new ReaderPool(depot));
  opened = await library.open(artifact);
});

describe('payload of an artifact in the depot', () => {
  it('is its files one after the other, wherever they lie and whatever range is read', async () => {
    expect(opened.payload.length).toBe(PAYLOAD.length);
    const offsets = fc.nat(PAYLOAD.length);
    await fc.assert(
      fc.asyncProperty(offsets, fc.nat(200_000), async (offset, wanted) => {
        const target = Buffer.alloc(Math.min(wanted, PAYLOAD.length - offset));
        await opened.payload.read(offset, target);
        return target.equals(PAYLOAD.subarray(offset, offset + target.length));
      }),
    );
    await expect(opened.payload.read(PAYLOAD.length, Buffer.alloc(1))).rejects.toThrow(RangeError);
  });

  it('is read at once where files lie one behind the other, and file by file when they were moved', async () => {
    const readers = new ReaderPool(depot);
    const reads: string[] = [];
    const counted: ContentReads = {
      read(object, buffer, bufferOffset, length, position) {
        reads.push(object.split('/')[0]!);
        return readers.read(object, buffer, bufferOffset, length, position);
      },
    };
    const store = new ArtifactStore(depot);
    const { payload, content, artifact } = await new ArtifactLibrary(store, counted).open(
      opened.artifact,
    );
    const from = 1_099_000;
    const target = Buffer.alloc(PAYLOAD.length - from);
    await payload.read(from, target);
    expect(reads).toEqual(['blobs', 'packs']);
    expect(target.equals(PAYLOAD.subarray(from))).toBe(true);

    const roots = [FILES.c, FILES.b].map((bytes) => {
      const leaves = leafHashesOf(bytes);
      return { root: fileRoot(leaves, bytes.length)!.toString('hex'), bytes, leaves };
    });
    const { object: pack } = content.placeOf(roots[0]!.root)!;
    const blobs = new BlobStore(depot);
    const turned = roots.map(({ root, bytes, leaves }) => ({ root, leaves, length: bytes.length }));
    const moved = await blobs.putPack(turned, { chunks: roots.map(({ bytes }) => bytes) });
    const stored = (await store.readPlaces(artifact))!;
    const places = roots.map(({ root }, index) => [root, moved[index]!] as const);
    const kept = [...stored.places.entries()];
    await store.replacePlaces(artifact, Places.of([...kept, ...places]), stored.version);
    await blobs.deletePack(pack);
    readers.drop(pack);
    const again = Buffer.alloc(target.length);
    await payload.read(from, again);
    expect(again.equals(target)).toBe(true);
  });

  it('is opened once for all who ask', async () => {
    expect(await library.open(opened.artifact)).toBe(opened);
    await expect(library.open('0'.repeat(64))).rejects.toMatchObject({
      code: 'ARTIFACT_NOT_FOUND',
    });
    expect(parseMetainfo(opened.torrent).pieceCount).toBe(opened.pieces.pieceCount);
  });

  it('says that a piece is not available when its content is gone', async () => {
    const { keys } = await depot.list('packs/');
    for (const key of keys) await depot.delete(key);
    // A library of its own: readers that are open still have what they opened.
    const later = new ArtifactLibrary(new ArtifactStore(depot), new ReaderPool(depot));
    const { payload } = await later.open(opened.artifact);
    const reread = payload.read(1_100_000, Buffer.alloc(9));
    await expect(reread).rejects.toMatchObject({ code: 'PIECE_UNAVAILABLE' });
  });
});
