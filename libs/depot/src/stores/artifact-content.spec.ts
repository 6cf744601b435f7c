import { expect, it } from 'vitest';

import { ArtifactContent } from './artifact-content.js';
import { ArtifactStore } from './artifact-store.js';
import { BlobStore } from './blob-store.js';
import { Places } from './places.js';
import { ReaderPool } from './reader-pool.js';
import { fileOf, onEveryDepot, randomRoot } from './stores.fixture.js';

onEveryDepot('ArtifactContent', (depot) => {
  async function artifact() {
    const blobs = new BlobStore(depot());
    const artifacts = new ArtifactStore(depot());
    const [big, ...small] = [fileOf(100_000), fileOf(7), fileOf(30_000)] as const;
    const bigPlace = await blobs.putBlob(big, { chunks: [big.content] });
    const smallPlaces = await blobs.putPack(small, { chunks: small.map((file) => file.content) });
    const places = Places.of([
      [big.root, bigPlace],
      [small[0].root, smallPlaces[0]!],
      [small[1].root, smallPlaces[1]!],
    ]);
    const hash = randomRoot();
    await artifacts.create(hash, Buffer.from('metainfo'), places);
    return { artifacts, blobs, hash, files: [big, ...small], small, pack: smallPlaces[0]!.object };
  }

  it('makes an artifact once, with its metainfo last', async () => {
    const { artifacts, hash } = await artifact();
    expect(await artifacts.has(hash)).toBe(true);
    expect((await artifacts.readTorrent(hash))?.toString()).toBe('metainfo');
    expect(await artifacts.create(hash, Buffer.from('other'), Places.of([]))).toBe(false);
    expect((await artifacts.readPlaces(hash))!.places.size).toBe(3);

    const interrupted = randomRoot();
    const left = Places.of([[randomRoot(), { object: 'packs/gone', offset: 0, length: 1 }]]);
    await depot().createDocument(`artifacts/${interrupted}.places`, left.encode());
    expect(await artifacts.has(interrupted)).toBe(false);
    expect(await artifacts.create(interrupted, Buffer.from('t'), Places.of([]))).toBe(true);
    expect((await artifacts.readPlaces(interrupted))!.places.size).toBe(0);
    await artifacts.delete(interrupted);
    expect(await artifacts.has(interrupted)).toBe(false);
  });

  it('reads any range of any file, blob or packed, and not beyond it', async () => {
    const { artifacts, hash, files } = await artifact();
    const pool = new ReaderPool(depot(), 1);
    const content = await ArtifactContent.open(hash, artifacts, pool);
    for (const file of files) {
      const open = content.open(file.root);
      expect(open.length).toBe(file.length);
      const buffer = Buffer.alloc(file.length + 1);
      await open.read(buffer, 1, file.length - 2, 2);
      expect(buffer.subarray(1, -2).equals(file.content.subarray(2))).toBe(true);
      const beyond = open.read(Buffer.alloc(3), 0, 3, file.length - 2);
      await expect(beyond).rejects.toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' });
    }
    expect(content.has(randomRoot())).toBe(false);
    expect(() => content.open(randomRoot())).toThrow(
      expect.objectContaining({ code: 'DEPOT_INTEGRITY' }),
    );
    const unknown = ArtifactContent.open(randomRoot(), artifacts, pool);
    await expect(unknown).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    await pool.close();
  });

  it('follows files that were repacked under way, and says when they are lost', async () => {
    const { artifacts, blobs, hash, small, files, pack } = await artifact();
    const pool = new ReaderPool(depot());
    const content = await ArtifactContent.open(hash, artifacts, pool);
    const opened = small.map((file) => content.open(file.root));
    const turned = small.toReversed();
    const moved = await blobs.putPack(turned, { chunks: turned.map((file) => file.content) });
    const stored = (await artifacts.readPlaces(hash))!;
    const kept = [...stored.places.entries()];
    const repacked = Places.of([...kept, ...turned.map((f, i) => [f.root, moved[i]!] as const)]);
    expect(await artifacts.replacePlaces(hash, repacked, 'stale')).toBeNull();
    await artifacts.replacePlaces(hash, repacked, stored.version);
    await blobs.deletePack(pack);

    await Promise.all(
      opened.map(async (file, index) => {
        const buffer = Buffer.alloc(file.length);
        await file.read(buffer, 0, file.length, 0);
        expect(buffer.equals(small[index]!.content)).toBe(true);
      }),
    );
    await blobs.deleteBlob(files[0]!.root);
    const lost = content.open(files[0]!.root).read(Buffer.alloc(1), 0, 1, 0);
    await expect(lost).rejects.toMatchObject({ code: 'DEPOT_INTEGRITY' });
    await pool.close();
  });
});

onEveryDepot('ReaderPool', (depot) => {
  it('keeps the limit, whatever is read, and closes all at the end', async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `objects/${index}`);
    await Promise.all(keys.map((key) => depot().putObject(key, [Buffer.from(key)])));
    const pool = new ReaderPool(depot(), 4);
    const readAll = () =>
      Promise.all(
        keys.map(async (key) => {
          const buffer = Buffer.alloc(key.length);
          await pool.read(key, buffer, 0, key.length, 0);
          expect(buffer.toString()).toBe(key);
        }),
      );
    await readAll();
    expect(pool.size).toBe(4);
    await readAll();
    await expect(pool.read('none', Buffer.alloc(1), 0, 1, 0)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(pool.size).toBeLessThanOrEqual(4);
    await pool.close();
    expect(pool.size).toBe(0);
    const late = pool.read(keys[0]!, Buffer.alloc(1), 0, 1, 0);
    await expect(late).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
