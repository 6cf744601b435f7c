import {
  appendFile,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { HashPool } from '../hashing/hash-pool.js';
import { DiskStore } from './disk-store.js';
import { FileSignatures } from './file-signatures.js';
import { InstalledTreeStore, recordSignatures } from './installed-tree.store.js';
import { CONFORMANCE_FILES, readsAsTheContractSays } from './payload-store.conformance.fixture.js';

const pool = new HashPool({ threads: 1 });
afterAll(() => pool.close());

describe('InstalledTreeStore', () => {
  const layout = {
    single: false,
    files: [
      { path: ['a'], length: 4 },
      { path: ['big'], length: 100_000 },
      { path: ['empty'], length: 0 },
    ],
  };
  const clock = new VirtualClock();
  const unavailable = { code: 'PIECE_UNAVAILABLE' };
  let folder: string;
  let root: string;
  let touched: number[];
  let store: InstalledTreeStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-installed-'));
    root = join(folder, 'app');
    const disk = new DiskStore(root, layout);
    await disk.write(0, Buffer.alloc(100_004, 'payload'));
    await disk.close();
    await writeFile(join(root, 'empty'), '');
    await open();
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  async function open(signatures?: FileSignatures): Promise<void> {
    touched = [];
    store = new InstalledTreeStore({
      root,
      layout,
      signatures: signatures ?? (await recordSignatures(root, layout)),
      clock,
      onTouched: (file) => touched.push(file),
    });
  }

  describe.each([
    ['with one file after the other', {}],
    ['with small files on a thread', { smallFiles: pool.smallFiles }],
  ])('%s', (_, options) => {
    readsAsTheContractSays(async (payload) => {
      const own = await mkdtemp(join(tmpdir(), 'fleetseed-installed-'));
      const tree = { single: false, files: CONFORMANCE_FILES };
      const disk = new DiskStore(join(own, 't'), tree);
      await disk.write(0, payload);
      await disk.close();
      const installed = new InstalledTreeStore({
        root: join(own, 't'),
        layout: tree,
        signatures: await recordSignatures(join(own, 't'), tree),
        clock,
        onTouched: () => {},
        openFiles: 2,
        ...options,
      });
      const cleanUp = async () => {
        await installed.close();
        await rm(own, { recursive: true });
      };
      return { store: installed, cleanUp };
    });
  });

  it('is not written to', async () => {
    await expect(store.write()).rejects.toMatchObject({ code: 'DISK_IO' });
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['longer', (path) => appendFile(path, 'x')],
    ['shorter', (path) => truncate(path, 2)],
    ['edited in place', (path) => writeFile(path, 'edit', { flag: 'r+' })],
    ['given another time', (path) => utimes(path, 1, 1)],
    ['removed', (path) => rm(path)],
    [
      'replaced by a symlink',
      async (path) => {
        await rm(path);
        await symlink('big', path);
      },
    ],
  ])('gives no byte of a file that was %s, and reports it once', async (_, change) => {
    await store.read(0, Buffer.alloc(4));
    await change(join(root, 'a'));
    await expect(store.read(0, Buffer.alloc(4))).rejects.toMatchObject(unavailable);
    await expect(store.read(0, Buffer.alloc(4))).rejects.toMatchObject(unavailable);
    expect(touched).toEqual([0]);
    await store.read(4, Buffer.alloc(10));
  });

  it('notices an edit of a file that it keeps open at the very next read', async () => {
    await store.read(10, Buffer.alloc(100));
    await writeFile(join(root, 'big'), 'edit', { flag: 'r+' });
    await expect(store.read(10, Buffer.alloc(100))).rejects.toMatchObject(unavailable);
    expect(touched).toEqual([1]);
  });

  it('notices within a second that a file it keeps open was replaced', async () => {
    const before = Buffer.alloc(100);
    await store.read(10, before);
    await writeFile(join(folder, 'new'), Buffer.alloc(100_000, 'other'));
    await rename(join(folder, 'new'), join(root, 'big'));
    clock.advance(1000);
    await expect(store.read(10, Buffer.alloc(100))).rejects.toMatchObject(unavailable);
    expect(touched).toEqual([1]);
  });

  it('reads a file again once it is trusted with its new signature', async () => {
    await writeFile(join(root, 'a'), 'same');
    await expect(store.read(0, Buffer.alloc(4))).rejects.toMatchObject(unavailable);
    const { default: fs } = await import('node:fs');
    const { mtimeNs, ctimeNs, ino } = fs.statSync(join(root, 'a'), { bigint: true });
    store.trust(0, { size: 4, mtimeNs, ctimeNs, ino });
    const target = Buffer.alloc(4);
    await store.read(0, target);
    expect(target.toString()).toBe('same');
  });

  it('finds all files that were touched when it is asked to look', async () => {
    await appendFile(join(root, 'a'), 'x');
    await rm(join(root, 'big'));
    await store.checkAll();
    expect(touched.toSorted((a, b) => a - b)).toEqual([0, 1]);
  });

  it('remembers signatures over a restart, for this artifact only', async () => {
    const path = join(folder, 'signatures');
    const hash = Buffer.alloc(32, 1);
    await store.signatures.save(path, hash);
    await store.close();
    const loaded = await FileSignatures.load(path, hash, 3);
    expect([0, 1, 2].map((file) => loaded.isKnown(file))).toEqual([true, true, false]);
    await open(loaded);
    await store.read(0, Buffer.alloc(100_004));
    const known = async (infoHash: Buffer, count: number) =>
      (await FileSignatures.load(path, infoHash, count)).isKnown(0);
    expect(await known(Buffer.alloc(32, 2), 3)).toBe(false);
    expect(await known(hash, 2)).toBe(false);
    await truncate(path, 50);
    expect(await known(hash, 3)).toBe(false);
    await rm(path);
    expect(await known(hash, 3)).toBe(false);
  });
});
