import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HashPool } from '#lib/swarm';
import { fileRoot, leafHashesOf, merkleRoot } from '#lib/torrent';

import { hashTree, type HashedEntry } from '../tree/hash-tree.js';
import { scanPath } from '../tree/scan-path.js';
import { PartReader } from './part.reader.js';

const { signal } = new AbortController();
const large = Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * 7) % 251));
let folder = '';
let hashed: HashedEntry[] = [];
const pool = new HashPool({ threads: 1 });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fleetseed-parts-'));
  writeFileSync(join(folder, 'a'), 'hello ');
  writeFileSync(join(folder, 'b'), 'world');
  writeFileSync(join(folder, 'large'), large);
  writeFileSync(join(folder, 'moving'), 'before');
  hashed = await hashTree(scanPath(folder, { manifest: true, signal }).entries, pool, { signal });
});
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

function segment(name: string, offset: number, length: number) {
  const entry = hashed.find(({ path }) => path.join('/') === name)!;
  return { root: entry.root!.toString('hex'), offset, length };
}

function read(...segments: ReturnType<typeof segment>[]): Promise<Buffer> {
  const length = segments.reduce((sum, { length: own }) => sum + own, 0);
  const part = { object: 'p0', part: 0, length, partBytes: null, direct: false, segments };
  // Larger, as a room is that had a larger part before.
  return new PartReader(hashed).read(part, Buffer.alloc(length + 100, 'before'));
}

describe('reading a part', () => {
  it('assembles a pack from small files', async () => {
    const bytes = await read(segment('a', 0, 6), segment('b', 0, 5));
    expect(bytes.toString()).toBe('hello world');
  });

  it('reads a stretch of a large file', async () => {
    const bytes = await read(segment('b', 4, 1), segment('large', 100, 600_000));
    expect(bytes.equals(Buffer.concat([Buffer.from('d'), large.subarray(100, 600_100)]))).toBe(
      true,
    );
  });

  it('names a file that is not what was hashed, though it has the same size', async () => {
    writeFileSync(join(folder, 'moving'), 'behind');
    utimesSync(join(folder, 'moving'), 1, 1);
    await expect(read(segment('moving', 0, 6))).rejects.toMatchObject({
      code: 'TREE_CHANGED',
      message: '"moving" changed while it was pushed.',
    });
  });

  it('knows the Merkle root of each part of a long file from the hashing before', async () => {
    const partBytes = 16 * 1024 * 1024;
    const bytes = Buffer.alloc(2 * partBytes + 100_000, 'long');
    writeFileSync(join(folder, 'long'), bytes);
    const { entries } = scanPath(join(folder, 'long'), { manifest: true, signal });
    const reader = new PartReader(await hashTree(entries, pool, { signal }));
    const root = fileRoot(leafHashesOf(bytes), bytes.length)!.toString('hex');
    for (const [part, length] of [partBytes, partBytes, 100_000].entries()) {
      const offset = part * partBytes;
      const leaves = leafHashesOf(bytes.subarray(offset, offset + length));
      const segments = [{ root, offset, length }];
      expect(
        reader.rootOf({ object: 'f0', part, length, partBytes, direct: false, segments }),
      ).toEqual(merkleRoot(leaves, 0, partBytes / 16_384));
    }
  });

  it('refuses a root that it never declared', async () => {
    await expect(read({ root: 'f'.repeat(64), offset: 0, length: 1 })).rejects.toMatchObject({
      code: 'INTERNAL',
    });
  });
});
