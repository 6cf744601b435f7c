import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HashPool } from '#lib/swarm';
import { fileRoot, leafHashesOf } from '#lib/torrent';

import { hashTree } from './hash-tree.js';
import { scanPath } from './scan-path.js';

const pool = new HashPool({ threads: 2 });
afterAll(() => pool.close());

const { signal } = new AbortController();
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleetseed-hash-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('hashing a tree', () => {
  it('gives every file its root, and none to what has no bytes', async () => {
    const contents = new Map([
      ['empty', Buffer.alloc(0)],
      ['one', Buffer.from('one')],
      ['sub/large', Buffer.alloc(9_000_000, 'large')],
    ]);
    mkdirSync(join(root, 'sub/none'), { recursive: true });
    for (const [path, bytes] of contents) writeFileSync(join(root, path), bytes);
    const tree = scanPath(root, { manifest: true, signal });
    const seen: number[] = [];
    const hashed = await hashTree(tree.entries, pool, {
      signal,
      onProgress: (bytes) => seen.push(bytes),
    });

    for (const { path, root: found, length } of hashed) {
      const manifest = path[0] === '.fleetseed';
      const bytes = manifest ? manifestBytesOf(hashed) : contents.get(path.join('/'))!;
      expect([path, found]).toEqual([path, fileRoot(leafHashesOf(bytes), length)]);
    }
    expect(hashed.map(({ path }) => path.join('/'))).toEqual(
      tree.entries.map(({ path }) => path.join('/')),
    );
    expect(seen.at(-1)).toBe(tree.bytes);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('names the file that changed since it was listed', async () => {
    writeFileSync(join(root, 'log'), 'x'.repeat(40_000));
    const tree = scanPath(root, { manifest: true, signal });
    appendFileSync(join(root, 'log'), 'more');
    await expect(hashTree(tree.entries, pool, { signal })).rejects.toMatchObject({
      code: 'TREE_CHANGED',
      message: '"log" changed while it was read.',
    });
  });

  it('names the file that went away', async () => {
    writeFileSync(join(root, 'a'), 'x');
    writeFileSync(join(root, 'b'), 'x');
    const tree = scanPath(root, { manifest: true, signal });
    rmSync(join(root, 'b'));
    await expect(hashTree(tree.entries, pool, { signal })).rejects.toMatchObject({
      code: 'TREE_CHANGED',
      facts: { path: 'b' },
    });
  });
});

function manifestBytesOf(entries: Awaited<ReturnType<typeof hashTree>>): Buffer {
  const content = entries.find(({ path }) => path[0] === '.fleetseed')!.content;
  if (!('bytes' in content)) throw new Error('The manifest is a file.');
  return content.bytes;
}
