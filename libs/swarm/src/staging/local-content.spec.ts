import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import {
  buildMetainfo,
  leafHashesOf,
  fileRoot,
  parseMetainfo,
  pieceLayerOf,
  type Metainfo,
} from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
import { HashPool } from '../hashing/hash-pool.js';
import { LocalContent } from './local-content.js';
import { equalPieces, reuseLocal } from './reuse-local.js';

const PIECE = 65_536;

function treeOf(files: Record<string, Buffer>): Metainfo {
  const { metainfoBytes } = buildMetainfo({
    name: 'web',
    pieceLength: PIECE,
    format: 'v2',
    single: false,
    files: Object.entries(files).map(([path, bytes]) => {
      const leaves = leafHashesOf(bytes);
      const layer = bytes.length > PIECE ? pieceLayerOf(leaves, PIECE) : null;
      const root = fileRoot(leaves, bytes.length);
      const rest = { length: bytes.length, root, ...(layer ? { pieceLayer: layer } : {}) };
      return { path: path.split('/'), executable: false, ...rest };
    }),
  });
  return parseMetainfo(metainfoBytes);
}

const big = Buffer.alloc(3 * PIECE + 5, 'big');
const changed = Buffer.from(big).fill('x', PIECE, PIECE + 4);
const small = Buffer.from('small');

let folder: string;
let local: LocalContent;
const signal = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reuse-'));
  await mkdir(join(folder, 'old', 'lib'), { recursive: true });
  await writeFile(join(folder, 'old', 'lib', 'big'), big);
  await writeFile(join(folder, 'old', 'small'), small, { mode: 0o444 });
  local = new LocalContent();
  local.add(join(folder, 'old'), treeOf({ 'lib/big': big, small }));
});

async function reuse(metainfo: Metainfo, have = new Bitfield(metainfo.pieceCount)) {
  const root = join(folder, 'new');
  const { verified, likely } = await reuseLocal({ root, metainfo, local, have, signal });
  expect(verified).toEqual([]);
  return likely;
}

describe('reuseLocal', () => {
  it('takes a file with the same root from wherever it lies, ready to be written', async () => {
    const metainfo = treeOf({ 'else/where': big, other: Buffer.from('new'), 'same/small': small });
    const ranges = await reuse(metainfo);
    expect(ranges.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect(await readFile(join(folder, 'new', 'else', 'where'))).toEqual(big);
    await writeFile(join(folder, 'new', 'same', 'small'), 'again');
  });

  it('takes the equal pieces of an earlier version of the file', async () => {
    const ranges = await reuse(treeOf({ 'lib/big': changed, small }));
    expect(ranges).toContainEqual({ first: 0, count: 1 });
    expect(ranges).toContainEqual({ first: 2, count: 2 });
  });

  it('leaves alone what is there already', async () => {
    const metainfo = treeOf({ 'lib/big': changed });
    const have = new Bitfield(metainfo.pieceCount);
    have.set(1);
    expect(await reuse(metainfo, have)).toEqual([]);
  });

  it('does not take a file that is gone, of another length, or a link', async () => {
    await writeFile(join(folder, 'old', 'small'), 'longer').catch(() => {});
    await writeFile(join(folder, 'elsewhere'), big);
    local.remove(join(folder, 'old'));
    await mkdir(join(folder, 'linked', 'lib'), { recursive: true });
    await symlink(join(folder, 'elsewhere'), join(folder, 'linked', 'lib', 'big'));
    local.add(join(folder, 'linked'), treeOf({ 'lib/big': big, gone: small }));
    expect(await reuse(treeOf({ a: big, b: small }))).toEqual([]);
  });
});

describe('reuseLocal with small files on a thread', () => {
  const pool = new HashPool({ threads: 1 });
  afterAll(() => pool.close());

  const contents = Array.from({ length: 600 }, (_, file) => Buffer.alloc(100 + file, `${file} `));
  const tree = treeOf(
    Object.fromEntries(contents.map((bytes, file) => [`d${file % 9}/f${file}`, bytes])),
  );
  const fileOf = (text: string) => tree.files.findIndex(({ path }) => path.join('/') === text);
  const lay = async (root: string, mode: number) => {
    for (const { path } of tree.files) {
      const file = Number(path[1]!.slice(1));
      await mkdir(join(root, path[0]!), { recursive: true });
      await writeFile(join(root, ...path), contents[file]!, { mode });
    }
    local.add(root, tree);
  };
  const reuseTree = () =>
    reuseLocal({
      root: join(folder, 'new'),
      metainfo: tree,
      local,
      have: new Bitfield(tree.pieceCount),
      smallFiles: pool.smallFiles,
      signal,
    });
  const filesOf = (ranges: readonly { first: number }[]) =>
    ranges.map(({ first }) => first).toSorted((a, b) => a - b);
  const allBut = (...files: number[]) =>
    [...tree.files.keys()].filter((file) => !files.includes(file));

  it('verifies what it copies, and leaves it ready to be written', async () => {
    await lay(join(folder, 'tree'), 0o444);
    const { verified, likely } = await reuseTree();
    expect(filesOf(verified)).toEqual(allBut());
    expect(likely).toEqual([]);
    const copy = join(folder, 'new', 'd3', 'f3');
    expect(await readFile(copy)).toEqual(contents[3]);
    expect((await stat(copy)).mode & 0o777).toBe(0o644);
  });

  it('does not count a file that is damaged, and goes on behind one that is gone or no file', async () => {
    await lay(join(folder, 'tree'), 0o644);
    const [damaged, gone, link] = ['d1/f1', 'd2/f2', 'd0/f594'];
    await writeFile(join(folder, 'tree', damaged), 'X', { flag: 'r+' });
    await rm(join(folder, 'tree', gone));
    await rm(join(folder, 'tree', link));
    await symlink(join(folder, 'tree', 'd0', 'f0'), join(folder, 'tree', link));
    const { verified, likely } = await reuseTree();
    expect(filesOf(verified)).toEqual(allBut(fileOf(damaged), fileOf(gone), fileOf(link)));
    expect(likely).toEqual([]);
  });

  it('takes one that is gone in one place from another', async () => {
    await lay(join(folder, 'tree'), 0o644);
    await lay(join(folder, 'other'), 0o644);
    await rm(join(folder, 'tree', 'd5', 'f5'));
    const { verified, likely } = await reuseTree();
    const file = fileOf('d5/f5');
    expect(filesOf(verified)).toEqual(allBut(file));
    expect(likely).toEqual([{ first: file, count: 1 }]);
  });
});

describe('equalPieces', () => {
  it('compares by place, up to the shorter layer', () => {
    const layer = (text: string) =>
      Buffer.concat(text.split('').map((letter) => Buffer.alloc(32, letter)));
    expect(equalPieces(layer('aabbc'), layer('aaxbcd'))).toEqual([
      { first: 0, count: 2 },
      { first: 3, count: 2 },
    ]);
  });
});
