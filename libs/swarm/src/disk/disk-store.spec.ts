import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HashPool } from '../hashing/hash-pool.js';
import { DiskStore, type DiskStoreOptions } from './disk-store.js';
import { freeBytes, requireSpace } from './free-space.js';
import {
  CONFORMANCE_FILES,
  readsAsTheContractSays,
  writesAsTheContractSays,
  type StoreUnderTest,
} from './payload-store.conformance.fixture.js';

const TREE = { single: false, files: CONFORMANCE_FILES };

const pool = new HashPool({ threads: 1 });
afterAll(() => pool.close());

async function openTree(options: DiskStoreOptions = {}): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetseed-store-'));
  // Fewer handles than files in use: handles are given up and taken again all the time.
  const store = new DiskStore(join(folder, 'tree.partial'), TREE, { openFiles: 2, ...options });
  const cleanUp = async () => {
    await store.close();
    await rm(folder, { recursive: true });
  };
  return { store, cleanUp };
}

describe('DiskStore', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-disk-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  describe.each<[string, DiskStoreOptions]>([
    ['with one file after the other', {}],
    ['with small files on a thread', { smallFiles: pool.smallFiles }],
  ])('%s', (_, options) => {
    writesAsTheContractSays(() => openTree(options));
    readsAsTheContractSays(async (payload) => {
      const opened = await openTree(options);
      await opened.store.write(0, payload);
      return opened;
    });
  });

  it('puts files where their paths say, and those that describe the tree beside it', async () => {
    const files = [
      { path: ['.fleetseed', 'tree.json'], length: 2 },
      { path: ['bin', 'run'], length: 3 },
      { path: ['readme'], length: 4 },
    ];
    const store = new DiskStore(join(folder, 'app'), { single: false, files });
    await store.write(0, Buffer.from('{}runread'));
    await store.close();
    expect((await readdir(folder, { recursive: true })).sort()).toEqual([
      'app',
      'app.meta',
      'app.meta/tree.json',
      'app/bin',
      'app/bin/run',
      'app/readme',
    ]);
    expect(await readFile(join(folder, 'app/bin/run'), 'utf8')).toBe('run');
  });

  it('keeps an artifact of one file at its root', async () => {
    const path = join(folder, 'deep', 'build.tgz');
    const files = [{ path: ['other-name.tgz'], length: 5 }];
    const store = new DiskStore(path, { single: true, files });
    await store.write(0, Buffer.from('bytes'));
    await store.sync();
    await store.close();
    expect(await readFile(path, 'utf8')).toBe('bytes');
  });

  it('cuts off what is left of a longer file', async () => {
    await writeFile(join(folder, 'f'), 'much too long');
    const store = new DiskStore(folder, { single: false, files: [{ path: ['f'], length: 4 }] });
    await store.write(1, Buffer.from('ew '));
    await store.close();
    expect(await readFile(join(folder, 'f'), 'utf8')).toBe('mew ');
  });

  it('never writes through a symlink, be it the file or a folder on the way', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'file'), 'keep');
    const root = join(folder, 'tree');
    await mkdir(root);
    await symlink(outside, join(root, 'folder'));
    await symlink(join(outside, 'file'), join(root, 'link'));
    const files = [
      { path: ['folder', 'file'], length: 4 },
      { path: ['link'], length: 4 },
    ];
    const store = new DiskStore(root, { single: false, files });
    const refused = { code: 'UNPACK_REFUSED' };
    await expect(store.write(0, Buffer.from('evil'))).rejects.toMatchObject(refused);
    await expect(store.write(4, Buffer.from('evil'))).rejects.toMatchObject(refused);
    await expect(store.write(5, Buffer.from('ev'))).rejects.toMatchObject(refused);
    await expect(store.read(4, Buffer.alloc(4))).rejects.toMatchObject(refused);
    await store.close();
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('keep');
  });

  it.each([[['..', 'x']], [['.']], [['a/b']], [['']], [['x\0']], [[]], [['.fleetseed']]])(
    'refuses the path %j',
    async (path) => {
      const store = new DiskStore(join(folder, 't'), {
        single: false,
        files: [{ path, length: 1 }],
      });
      await expect(store.write(0, Buffer.of(1))).rejects.toMatchObject({ code: 'UNPACK_REFUSED' });
      await store.close();
    },
  );

  it('is not held up by a FIFO in the place of a file', async () => {
    execFileSync('mkfifo', [join(folder, 'f')]);
    const store = new DiskStore(folder, { single: false, files: [{ path: ['f'], length: 4 }] });
    const refused = { code: 'UNPACK_REFUSED' };
    await expect(store.read(0, Buffer.alloc(2))).rejects.toMatchObject(refused);
    await expect(store.write(0, Buffer.alloc(2))).rejects.toMatchObject(refused);
    await store.close();
  });

  it('goes on when something that was in the way is gone', async () => {
    await writeFile(join(folder, 'd'), 'a file where a folder should be');
    const files = [{ path: ['d', 'f'], length: 1 }];
    const store = new DiskStore(folder, { single: false, files });
    await expect(store.write(0, Buffer.of(7))).rejects.toMatchObject({ code: 'UNPACK_REFUSED' });
    await rm(join(folder, 'd'));
    await store.write(0, Buffer.of(7));
    await store.close();
    expect(await readFile(join(folder, 'd', 'f'))).toEqual(Buffer.of(7));
  });

  it('keeps no file open while it rests, and works on after it', async () => {
    const open = async () => {
      const fds = await readdir('/proc/self/fd');
      const targets = await Promise.all(
        fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      return targets.filter((target) => target.startsWith(folder)).length;
    };
    const files = [{ path: ['f'], length: 100 }];
    const store = new DiskStore(folder, { single: false, files });
    await store.write(0, Buffer.alloc(50, 1));
    expect(await open()).toBe(1);
    await store.rest();
    expect(await open()).toBe(0);
    await store.read(0, Buffer.alloc(50));
    await store.close();
    expect(await open()).toBe(0);
  });

  it('makes sparse files: a write at the end takes no room before it', async () => {
    const files = [{ path: ['f'], length: 64 * 1024 * 1024 }];
    const store = new DiskStore(folder, { single: false, files });
    await store.write(files[0]!.length - 4096, randomBytes(4096));
    await store.close();
    expect((await stat(join(folder, 'f'))).blocks * 512).toBeLessThan(1024 * 1024);
  });
});

// A file system of its own takes the right to mount one.
describe.skipIf(process.getuid?.() !== 0)('space', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-small-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  });

  afterEach(async () => {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });

  it('is counted below folders that do not exist yet, with what must be left over', async () => {
    const path = join(folder, 'not', 'yet');
    expect(await freeBytes(path)).toBe(1024 * 1024);
    await requireSpace(path, 1_000_000, 48_576);
    await expect(requireSpace(path, 1_000_000, 48_577)).rejects.toMatchObject({
      code: 'NO_SPACE',
      facts: { free: 1_048_576, needed: 1_000_000, reserve: 48_577 },
    });
  });

  it('that runs out is NO_SPACE, and the store works on when there is some again', async () => {
    await writeFile(join(folder, 'ballast'), Buffer.alloc(700_000));
    const files = [
      { path: ['a'], length: 400_000 },
      { path: ['b'], length: 200_000 },
    ];
    const store = new DiskStore(join(folder, 't'), { single: false, files });
    await expect(store.write(0, randomBytes(600_000))).rejects.toMatchObject({ code: 'NO_SPACE' });
    await rm(join(folder, 'ballast'));
    const payload = randomBytes(600_000);
    await store.write(0, payload);
    const back = Buffer.alloc(600_000);
    await store.read(0, back);
    expect(back.equals(payload)).toBe(true);
    await store.close();
  });
});
