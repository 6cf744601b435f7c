import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFile,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { VirtualClock } from '#lib/runtime';

import { HashPool } from '../hashing/hash-pool.js';
import { DiskStore } from './disk-store.js';
import { finishTree } from './finish-tree.js';
import { InstalledTreeStore, recordSignatures } from './installed-tree.store.js';

const COUNT = 600;
const LENGTH = 100;
const layout = {
  single: false,
  files: Array.from({ length: COUNT }, (_, index) => ({
    path: [`d${Math.floor(index / 50)}`, `f${index % 50}`],
    length: LENGTH,
    executable: index % 7 === 0,
    symlink: null,
  })),
};

describe('small files on threads', () => {
  let pool: HashPool;
  let folder: string;
  let root: string;
  let payload: Uint8Array<SharedArrayBuffer>;

  beforeAll(() => {
    pool = new HashPool({ threads: 1 });
  });

  afterAll(() => pool.close());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-small-files-'));
    root = join(folder, 'tree');
    payload = new Uint8Array(new SharedArrayBuffer(COUNT * LENGTH));
    payload.set(randomBytes(payload.length));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const pathOf = (file: number) => join(root, ...layout.files[file]!.path);
  const files = (...indexes: number[]) => ({
    bytes: payload,
    paths: indexes.map(pathOf),
    starts: Uint32Array.from(indexes, (index) => index * LENGTH),
    lengths: Uint32Array.from(indexes, () => LENGTH),
  });
  const contentOf = (file: number) =>
    Buffer.from(payload.subarray(file * LENGTH, (file + 1) * LENGTH));

  async function withStore<T>(action: (store: DiskStore) => Promise<T>): Promise<T> {
    const store = new DiskStore(root, layout, { smallFiles: pool.smallFiles });
    try {
      return await action(store);
    } finally {
      await store.close();
    }
  }

  const stored = () => withStore((store) => store.write(0, payload));

  it('are written as they should be, also over longer ones', async () => {
    await mkdir(join(root, 'd0'), { recursive: true });
    await writeFile(pathOf(1), Buffer.alloc(LENGTH + 1));
    expect(await pool.smallFiles.writeFiles(files(0, 1, 2))).toBe(3);
    for (const file of [0, 1, 2]) expect(await readFile(pathOf(file))).toEqual(contentOf(file));
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['a symlink', (path) => symlink(join(folder, 'outside'), path)],
    ['a folder', (path) => mkdir(path)],
    ['a FIFO', async (path) => execFileSync('mkfifo', [path])],
  ])('are done up to one in whose place is %s', async (_, put) => {
    await writeFile(join(folder, 'outside'), 'keep');
    await mkdir(join(root, 'd0'), { recursive: true });
    await put(pathOf(1));
    expect(await pool.smallFiles.writeFiles(files(0, 1, 2))).toBe(1);
    expect(await pool.smallFiles.readFiles(files(0, 1))).toHaveLength(1);
    const modes = { lengths: Float64Array.of(LENGTH, LENGTH), modes: Uint16Array.of(0o600, 0o600) };
    expect(await pool.smallFiles.setModes({ paths: [pathOf(0), pathOf(1)], ...modes })).toBe(1);
    expect(await pool.smallFiles.lookAt([pathOf(0), pathOf(1)])).toEqual([expect.anything(), null]);
    expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('keep');
    await expect(stored()).rejects.toMatchObject({ code: 'UNPACK_REFUSED' });
  });

  it('are written up to one whose folder is not there', async () => {
    await mkdir(join(root, 'd0'), { recursive: true });
    expect(await pool.smallFiles.writeFiles(files(0, 50))).toBe(1);
  });

  it('come back when their folder was removed under the store', async () => {
    await withStore(async (store) => {
      await store.write(0, payload);
      await rm(join(root, 'd3'), { recursive: true });
      await expect(store.write(0, payload)).rejects.toMatchObject({ code: 'DISK_IO' });
      await store.write(0, payload);
    });
    expect(await readFile(pathOf(170))).toEqual(contentOf(170));
  });

  it('are read up to one that ends early, with what each was', async () => {
    await stored();
    await truncate(pathOf(2), LENGTH - 1);
    const read = await pool.smallFiles.readFiles(files(0, 1, 2, 3));
    const { ino, mtimeNs, ctimeNs } = await stat(pathOf(1), { bigint: true });
    expect(read).toEqual([expect.anything(), { size: LENGTH, ino, mtimeNs, ctimeNs }]);
    const target = new Uint8Array(new SharedArrayBuffer(payload.length));
    const reading = withStore((store) => store.read(0, target));
    await expect(reading).rejects.toMatchObject({
      code: 'PIECE_UNAVAILABLE',
      facts: { path: pathOf(2) },
    });
  });

  it('get the modes of a finished tree, and one that is not as it should be is named', async () => {
    await stored();
    await finishTree(root, layout, null, { smallFiles: pool.smallFiles, readOnly: true });
    const modes = await Promise.all(
      layout.files.map(async (_, file) => (await lstat(pathOf(file))).mode & 0o777),
    );
    expect(modes).toEqual(layout.files.map(({ executable }) => (executable ? 0o555 : 0o444)));
    await unlink(pathOf(577));
    const finished = finishTree(root, layout, null, { smallFiles: pool.smallFiles });
    await expect(finished).rejects.toMatchObject({
      code: 'PIECE_UNAVAILABLE',
      facts: { path: pathOf(577) },
    });
  });

  describe('of an installed tree', () => {
    let touched: number[];
    let installed: InstalledTreeStore;

    beforeEach(async () => {
      await stored();
      touched = [];
      installed = new InstalledTreeStore({
        root,
        layout,
        signatures: await recordSignatures(root, layout, pool.smallFiles),
        clock: new VirtualClock(),
        onTouched: (file) => touched.push(file),
        smallFiles: pool.smallFiles,
      });
    });

    afterEach(() => installed.close());

    it.each<[string, (path: string) => Promise<void>]>([
      ['longer', (path) => appendFile(path, 'x')],
      ['shorter', (path) => truncate(path, 2)],
      ['edited in place', (path) => writeFile(path, 'edit', { flag: 'r+' })],
      ['removed', (path) => unlink(path)],
    ])('give no byte when one of them is %s, and that one is told once', async (_, change) => {
      const target = new Uint8Array(new SharedArrayBuffer(payload.length));
      await installed.read(0, target);
      expect(Buffer.from(target).equals(Buffer.from(payload))).toBe(true);
      await change(pathOf(5));
      for (const length of [payload.length, 20 * LENGTH]) {
        const reading = installed.read(0, target.subarray(0, length));
        await expect(reading).rejects.toMatchObject({ code: 'PIECE_UNAVAILABLE' });
      }
      expect(touched).toEqual([5]);
      await installed.read(6 * LENGTH, target.subarray(0, 100 * LENGTH));
    });

    it('are all looked at, and those that changed are found', async () => {
      await appendFile(pathOf(3), 'x');
      await unlink(pathOf(301));
      await unlink(pathOf(599));
      await symlink('f1', pathOf(599));
      await installed.checkAll();
      expect(touched.toSorted((a, b) => a - b)).toEqual([3, 301, 599]);
    });

    it('are not recorded when they have another length', async () => {
      await truncate(pathOf(9), 1);
      const signatures = await recordSignatures(root, layout, pool.smallFiles);
      const unknown = layout.files.flatMap((_, file) => (signatures.isKnown(file) ? [] : [file]));
      expect(unknown).toEqual([9]);
    });
  });
});
