import { describe, expect, it } from 'vitest';

import { buildMetainfo, leafHashesOf, parseMetainfo } from '#lib/torrent';

import { selectablePaths, selectPaths } from './selection.js';

const KIB = 1024;

function treeOf(files: Readonly<Record<string, number>>) {
  const built = buildMetainfo({
    name: 'tree',
    pieceLength: 16 * KIB,
    format: 'v2',
    single: false,
    files: Object.entries(files).map(([path, length]) => ({
      path: path.split('/'),
      length,
      leafHashes: leafHashesOf(Buffer.alloc(length, path)),
    })),
  });
  return parseMetainfo(built.metainfoBytes);
}

const tree = treeOf({
  '.fleetseed/tree.json': 10,
  'bin/run': 40 * KIB,
  'bin/runner': 5,
  'lib/a/x': 20 * KIB,
  'lib/b': 0,
});

function pathsOf(...wanted: string[]) {
  const selected = selectPaths(tree, wanted);
  if ('unknown' in selected) return selected.unknown;
  return [...selected.files].map((file) => tree.files[file]!.path.join('/'));
}

describe('selectPaths', () => {
  it('takes files, and folders with all that is below, and what describes the tree', () => {
    expect(pathsOf('bin/run')).toEqual(['.fleetseed/tree.json', 'bin/run']);
    expect(pathsOf('./lib/', 'bin/runner')).toEqual([
      '.fleetseed/tree.json',
      'bin/runner',
      'lib/a/x',
      'lib/b',
    ]);
  });

  it('knows its pieces, its bytes, and what of the tree it covers', () => {
    const selected = selectPaths(tree, ['lib']);
    if ('unknown' in selected) throw new Error('not found');
    expect([...selected.pieces.indices()]).toEqual([0, 5, 6]);
    expect(selected.bytes).toBe(20 * KIB + 10);
    expect(selected.covers(['lib', 'made', 'later'])).toBe(true);
    expect(selected.covers(['libs'])).toBe(false);
  });

  it('names what is not there, and never gives the description as a file', () => {
    const strange = ['bin/ru', 'bin', '..', '/', '', '.fleetseed/tree.json'];
    expect(pathsOf(...strange)).toEqual(['bin/ru', '..', '/', '', '.fleetseed/tree.json']);
    expect(selectablePaths(tree)).not.toContain('.fleetseed');
    expect(selectablePaths(tree)).toContain('lib/a');
  });
});
