import { lstat, mkdtemp, readFile, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DiskStore } from './disk-store.js';
import { finishTree, readTreeDocument } from './finish-tree.js';
import { encodeTreeDocument } from './tree-document.js';
import type { TreeFile, TreeLayout } from './tree-plan.js';

function file(path: string, length: number, executable = false): TreeFile {
  return { path: path.split('/'), length, executable, symlink: null };
}

describe('finishTree', () => {
  let folder: string;
  let root: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fleetseed-finish-'));
    root = join(folder, 'tree');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function staged(layout: TreeLayout, payload: Buffer): Promise<void> {
    const store = new DiskStore(root, layout);
    await store.write(0, payload);
    await store.close();
  }

  /** Path → kind, mode and content, of everything in the tree. */
  async function seen(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const belowLink = (path: string) =>
      Object.keys(found).some((at) => found[at]!.startsWith('->') && path.startsWith(`${at}/`));
    for (const path of (await readdir(root, { recursive: true })).sort()) {
      if (belowLink(path)) continue;
      const stat = await lstat(join(root, path));
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) found[path] = `-> ${await readlink(join(root, path))}`;
      else if (stat.isDirectory()) found[path] = `folder ${mode}`;
      else found[path] = `${mode} ${await readFile(join(root, path), 'utf8')}`;
    }
    return found;
  }

  const description = encodeTreeDocument({
    emptyFolders: ['var/cache'],
    links: { 'bin/run.sh': './run' },
  });
  const layout: TreeLayout = {
    single: false,
    files: [
      file('.fleetseed/tree.json', description.length),
      file('bin/run', 3, true),
      { ...file('bin/run.sh', 0), symlink: ['bin', 'run'] },
      file('bin/zero', 0, true),
      file('text', 4),
      { ...file('to-bin', 0), symlink: ['bin'] },
    ],
  };
  const payload = Buffer.concat([description, Buffer.from('runtext')]);

  it('makes exactly the tree that was pushed', async () => {
    await staged(layout, payload);
    await finishTree(root, layout, await readTreeDocument(root, layout));
    const expected = {
      bin: 'folder 755',
      'bin/run': '755 run',
      'bin/run.sh': '-> ./run',
      'bin/zero': '755 ',
      text: '644 text',
      'to-bin': '-> bin',
      var: 'folder 755',
      'var/cache': 'folder 755',
    };
    expect(await seen()).toEqual(expected);
    // Once more, as after a crash.
    await finishTree(root, layout, await readTreeDocument(root, layout));
    expect(await seen()).toEqual(expected);
  });

  it('takes the right to write away when asked to', async () => {
    await staged(layout, payload);
    await finishTree(root, layout, null, { readOnly: true });
    expect(await seen()).toMatchObject({
      bin: 'folder 555',
      'bin/run': '555 run',
      text: '444 text',
      'bin/run.sh': '-> run',
    });
  });

  it('mends the mode of a single file', async () => {
    const single: TreeLayout = { single: true, files: [file('tool', 4, true)] };
    await staged(single, Buffer.from('tool'));
    await finishTree(root, single, await readTreeDocument(root, single));
    expect((await lstat(root)).mode & 0o777).toBe(0o755);
  });

  it('refuses a file that is not as long as it should be', async () => {
    await staged(layout, payload.subarray(0, -1));
    await expect(finishTree(root, layout, null)).rejects.toMatchObject({
      code: 'PIECE_UNAVAILABLE',
    });
  });

  it('refuses to make a tree through a symlink that somebody put there', async () => {
    await staged(layout, payload);
    await rm(join(root, 'bin'), { recursive: true });
    await symlink(folder, join(root, 'bin'));
    await expect(finishTree(root, layout, null)).rejects.toMatchObject({ code: 'UNPACK_REFUSED' });
    expect(await readdir(folder)).toEqual(['tree', 'tree.meta']);
  });

  it('makes many small files durable, and says nothing about it', async () => {
    const files = Array.from({ length: 500 }, (_, n) => file(`d${n % 20}/f${n}`, 10));
    const many: TreeLayout = { single: false, files };
    await staged(many, Buffer.alloc(5000, 1));
    await finishTree(root, many, null);
    expect((await readdir(root)).length).toBe(20);
  });
});
