import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import {
  buildMetainfo,
  leafHashesOf,
  fileRoot,
  parseMetainfo,
  pieceLayerOf,
  type Metainfo,
} from '#lib/torrent';

import { Bitfield } from '../bitfield.js';
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

function reuse(metainfo: Metainfo, have = new Bitfield(metainfo.pieceCount)) {
  return reuseLocal({ root: join(folder, 'new'), metainfo, local, have, signal });
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
