import { describe, expect, it } from 'vitest';

import type { ArtifactFile } from '#lib/torrent';

import { ArtifactPaths, parseWebSeedPath } from './artifact.paths.js';

const HASH = 'ab'.repeat(32);

function file(path: string[], length: number, symlink: string[] | null = null): ArtifactFile {
  return { path, length, root: null, executable: false, symlink, firstPiece: 0, pieceCount: 0 };
}

describe('parseWebSeedPath', () => {
  it('decodes components one by one', () => {
    expect(parseWebSeedPath(`/webseed/a.b-c/${HASH}/my%20app/a%2Fb/c.txt?x=1`)).toEqual({
      key: 'a.b-c',
      artifact: HASH,
      components: ['my app', 'a/b', 'c.txt'],
    });
  });

  it.each([
    ['no file', `/webseed/-/${HASH}/`],
    ['no artifact', '/webseed/-/name'],
    ['capitals in the hash', `/webseed/-/${HASH.toUpperCase()}/name`],
    ['a broken escape', `/webseed/-/${HASH}/na%zzme`],
    ['escapes that are not UTF-8', `/webseed/-/${HASH}/%ff`],
    ['an empty key', `/webseed//${HASH}/name`],
  ])('refuses %s', (_name, target) => {
    expect(parseWebSeedPath(target)).toBeNull();
  });
});

describe('ArtifactPaths', () => {
  const tree = new ArtifactPaths({
    name: 'app',
    single: false,
    files: [
      file(['bin', 'run'], 10),
      file(['empty'], 0),
      file(['link'], 0, ['bin', 'run']),
      file(['z'], 5),
    ],
  });

  it('finds files by their place in the payload', () => {
    expect(tree.find(['app', 'bin', 'run'])).toEqual({ offset: 0, length: 10 });
    expect(tree.find(['app', 'empty'])).toEqual({ offset: 10, length: 0 });
    expect(tree.find(['app', 'z'])).toEqual({ offset: 10, length: 5 });
  });

  it('finds nothing that the metainfo does not list', () => {
    expect(tree.find(['app', 'bin', '..', 'z'])).toBeNull();
    expect(tree.find(['app', 'bin/run'])).toBeNull();
    expect(tree.find(['app', 'bin'])).toBeNull();
    expect(tree.find(['app', 'link'])).toBeNull();
    expect(tree.find(['other', 'z'])).toBeNull();
    expect(tree.find(['app', ''])).toBeNull();
  });

  it('finds the one file of a single-file artifact under its name', () => {
    const single = new ArtifactPaths({ name: 'a.tgz', single: true, files: [file(['a.tgz'], 7)] });
    expect(single.find(['a.tgz'])).toEqual({ offset: 0, length: 7 });
    expect(single.find(['a.tgz', 'a.tgz'])).toBeNull();
  });
});
