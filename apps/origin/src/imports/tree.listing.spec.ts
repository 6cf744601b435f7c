import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MAX_PACK_BYTES, PACKED_BELOW } from '#lib/depot';

import { groupsOf } from './tree.groups.js';
import { changeBetween, ListingBuilder, type ListedFile } from './tree.listing.js';

const LIMITS = { maxFiles: 100, maxBytes: 1_000_000_000 };

function listing(
  entries: Readonly<Record<string, number>>,
  { prefix = 'builds/', limits = LIMITS, version = '"1"' } = {},
) {
  const builder = new ListingBuilder(prefix, limits);
  for (const [key, length] of Object.entries(entries)) builder.add({ key, length, version });
  return builder.end();
}

describe('the listing of a tree', () => {
  it('has a file for each object, in the order of trees', () => {
    const { files } = listing({
      'builds/': 0,
      'builds/a-b': 1,
      'builds/a/': 0,
      'builds/a/b': 2,
      'builds/a/c': 0,
    });
    expect(files.map(({ path, length }) => [path.join('/'), length])).toEqual([
      ['a/b', 2],
      ['a/c', 0],
      ['a-b', 1],
    ]);
    expect(listing({ 'builds/a/.fleetseed/b': 1 }).files).toHaveLength(1);
    const whole = listing({ 'x/y': 1 }, { prefix: '' });
    expect(whole.files).toMatchObject([{ path: ['x', 'y'] }]);
  });

  it.each([
    ['a way up', { 'builds/../etc/passwd': 1 }],
    ['an absolute path', { 'builds//etc/passwd': 1 }],
    ['a folder with bytes', { 'builds/a/': 1 }],
    ['a file that is a folder too', { 'builds/a': 1, 'builds/a/b': 1 }],
    ['what installed trees are described by', { 'builds/.fleetseed/tree.json': 1 }],
    ['a character that no path may have', { 'builds/a\u0000b': 1 }],
  ])('refuses %s, as uploads do', (_, entries) => {
    expect(() => listing(entries)).toThrow(
      expect.objectContaining({ code: 'METAINFO_PATH_INVALID' }),
    );
  });

  it('is bounded in files and bytes, and has at least one file', () => {
    const limits = { maxFiles: 2, maxBytes: 10 };
    expect(listing({ 'builds/a': 5, 'builds/b': 5 }, { limits }).files).toHaveLength(2);
    const tooMany = { 'builds/a': 1, 'builds/b': 1, 'builds/c': 1 };
    for (const [entries, limit] of [
      [tooMany, '2 files'],
      [{ 'builds/a': 11 }, '10 bytes'],
    ] as const) {
      expect(() => listing(entries, { limits })).toThrow(
        expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', facts: { limit } }),
      );
    }
    expect(() => listing({ 'builds/empty/': 0 })).toThrow(
      expect.objectContaining({ code: 'SOURCE_NOT_FOUND' }),
    );
  });

  it('says what has changed', () => {
    const before = listing({ 'builds/a': 1, 'builds/b': 2 });
    expect(changeBetween(before, listing({ 'builds/b': 2, 'builds/a': 1 }))).toBeNull();
    for (const [now, path] of [
      [listing({ 'builds/a': 1, 'builds/b': 3 }), 'b'],
      [listing({ 'builds/b': 2 }), 'a'],
      [listing({ 'builds/a': 1 }), 'b'],
      [listing({ 'builds/a': 1, 'builds/aa': 1, 'builds/b': 2 }), 'aa'],
      [listing({ 'builds/a': 1, 'builds/b': 2 }, { version: '"2"' }), 'a'],
    ] as const) {
      expect(changeBetween(before, now)).toBe(path);
    }
  });
});

describe('groups of files', () => {
  it('have all bytes once, large files alone, and small ones in packs that are not too large', () => {
    const length = fc.oneof(
      fc.integer({ min: 0, max: PACKED_BELOW - 1 }),
      fc.integer({ min: PACKED_BELOW, max: 50_000_000 }),
      fc.constant(0),
      fc.constant(PACKED_BELOW),
    );
    const files = fc.array(length, { maxLength: 200 }).map((lengths) =>
      lengths.map((each, index): ListedFile => {
        return { path: [`f${index}`], length: each, version: '"1"' };
      }),
    );
    fc.assert(
      fc.property(files, (all) => {
        const groups = groupsOf(all);
        const names = groups.map(({ object }) => object);
        expect(new Set(names).size).toBe(names.length);
        const grouped = groups.flatMap((group) => group.files);
        expect(new Set(grouped)).toEqual(new Set(all.filter((file) => file.length > 0)));
        expect(grouped).toHaveLength(all.filter((file) => file.length > 0).length);
        for (const group of groups) {
          const sum = group.files.reduce((bytes, file) => bytes + file.length, 0);
          const isLarge = group.files.some((file) => file.length >= PACKED_BELOW);
          expect(group.object.startsWith(isLarge ? 'f' : 'p')).toBe(true);
          expect(isLarge ? group.files.length === 1 : sum <= MAX_PACK_BYTES).toBe(true);
        }
      }),
    );
  });
});
