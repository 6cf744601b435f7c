import { randomBytes } from 'node:crypto';

import { expect, it } from 'vitest';

import { BlobStore } from './blob-store.js';
import { blobKey, leavesKey, packIndexKey, packKey, uploadKey } from './layout.js';
import { PackIndex } from './pack-index.js';
import { fileOf, onEveryDepot, randomRoot } from './stores.fixture.js';

onEveryDepot('BlobStore', (depot) => {
  it('stores a blob from chunks, from an uploaded object and from parts', async () => {
    const blobs = new BlobStore(depot());
    const [direct, uploaded, parted] = [fileOf(10), fileOf(70_000), fileOf(40_000)];
    await blobs.putBlob(direct, { chunks: [direct.content] });
    const upload = uploadKey('u1', 'file-0');
    await depot().putObject(upload, [uploaded.content]);
    await blobs.putBlob(uploaded, { object: upload });
    const parts = await depot().beginParts(uploadKey('u1', 'file-1'), 40_000, 20_000);
    await depot().putPart(parts, 1, [parted.content.subarray(20_000)]);
    await depot().putPart(parts, 0, [parted.content.subarray(0, 20_000)]);
    await blobs.putBlob(parted, { parted: parts });

    for (const file of [direct, uploaded, parted]) {
      const place = (await blobs.locateBlob(file.root))!;
      expect(place).toEqual({ object: blobKey(file.root), offset: 0, length: file.length });
      expect((await depot().readObject(place.object)).equals(file.content)).toBe(true);
      expect((await blobs.readLeaves(file.root, place)).equals(file.leaves)).toBe(true);
    }
    expect((await depot().list('uploads/')).keys).toEqual([]);
    const one = await blobs.readLeaves(uploaded.root, (await blobs.locateBlob(uploaded.root))!, {
      first: 2,
      count: 1,
    });
    expect(one).toEqual(Buffer.from(uploaded.leaves.subarray(64, 96)));
  });

  it('has a blob if and only if its leaves are there', async () => {
    const blobs = new BlobStore(depot());
    const files = Array.from({ length: 50 }, () => fileOf(3));
    await Promise.all(files.map((file) => blobs.putBlob(file, { chunks: [file.content] })));
    const unfinished = randomRoot();
    await depot().putObject(blobKey(unfinished), [randomBytes(3)]);
    const roots = files.map((file) => file.root);
    const found = await blobs.findBlobs([unfinished, ...roots, ...roots, randomRoot()]);
    expect(found).toEqual(new Set(roots));
    expect(await blobs.locateBlob(unfinished)).toBeNull();
    await blobs.deleteBlob(roots[0]!);
    expect(await blobs.findBlobs(roots)).toEqual(new Set(roots.slice(1)));
    expect(await depot().statObject(blobKey(roots[0]!))).toBeNull();
  });

  it('goes on where an interrupted put stopped: committed, moved, or all done', async () => {
    const blobs = new BlobStore(depot());
    const file = fileOf(5_000);
    const begin = () => depot().beginParts(uploadKey('u', 'x'), 5_000, 5_000);
    const committed = await begin();
    await depot().putPart(committed, 0, [file.content]);
    await depot().commitParts(committed);
    await depot().moveObject(committed.key, blobKey(file.root));
    await blobs.putBlob(file, { parted: committed });
    expect(await blobs.findBlobs([file.root])).toEqual(new Set([file.root]));

    const again = await begin();
    await depot().putPart(again, 0, [file.content]);
    await blobs.putBlob(file, { parted: again });
    await expect(depot().listParts(again)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    expect((await depot().readObject(blobKey(file.root))).equals(file.content)).toBe(true);
  });

  it('makes nothing of content that is shorter than declared, or nowhere', async () => {
    const blobs = new BlobStore(depot());
    const file = fileOf(5_000);
    const upload = uploadKey('u', 'short');
    await depot().putObject(upload, [file.content.subarray(1)]);
    const integrity = { code: 'DEPOT_INTEGRITY' };
    await expect(blobs.putBlob(file, { object: upload })).rejects.toMatchObject(integrity);
    await expect(blobs.putBlob(file, { object: 'uploads/none' })).rejects.toMatchObject(integrity);
    const fewer = { ...file, leaves: Buffer.alloc(0) };
    await expect(blobs.putBlob(fewer, { chunks: [] })).rejects.toMatchObject(integrity);
    expect((await depot().list('blobs/')).keys).toEqual([]);
    expect(await depot().statObject(leavesKey(file.root))).toBeNull();
  });

  it('keeps small files in a pack that exists when its index does', async () => {
    const blobs = new BlobStore(depot());
    const files = [fileOf(1), fileOf(20_000), fileOf(300)];
    const chunks = files.map((file) => file.content);
    const places = await blobs.putPack(files, { chunks });
    expect(await blobs.putPack(files, { chunks: [] })).toEqual(places);
    for (const [index, file] of files.entries()) {
      const { object, offset, length } = places[index]!;
      const content = await depot().readObject(object, { offset, length });
      expect(content.equals(file.content)).toBe(true);
      const leaves = await blobs.readLeaves(file.root, places[index]!);
      expect(leaves.equals(file.leaves)).toBe(true);
    }
    const { id } = PackIndex.of(files);
    expect((await depot().list('packs/')).keys).toEqual([packKey(id), packIndexKey(id)]);
    const beyond = blobs.readLeaves(files[1]!.root, places[1]!, { first: 1, count: 2 });
    await expect(beyond).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
    const stranger = blobs.readLeaves(randomRoot(), places[0]!);
    await expect(stranger).rejects.toMatchObject({ code: 'DEPOT_INTEGRITY' });
    await blobs.deletePack(places[0]!.object);
    expect((await depot().list('packs/')).keys).toEqual([]);
  });
});
